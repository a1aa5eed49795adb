"""Faults of what PyTorch learns with: losses, gradients, updates of buffers."""

from __future__ import annotations

from tests.verify.faults.fault import Fault, said


def _detached(text: str) -> str:
    """No gradient flows through."""
    return f"({text}).detach()"


def _halved(text: str) -> str:
    """Half of the gradient flows through."""
    return f"(0.5 * ({text}) + 0.5 * ({text}).detach())"


def _straight(text: str) -> str:
    """The gradient passes a rectifier as if it were not there."""
    x = text.removeprefix("F.relu(").removesuffix(")")
    return f"({x} + ({text} - {x}).detach())"


TRAINING_FAULTS: tuple[Fault, ...] = (
    said("momentum", "picture", "batch_norm", {"momentum=0.1": "momentum=0.01"}),
    said("momentum the other way", "picture", "batch_norm", {"momentum=0.1": "momentum=0.9"}),
    said("running statistics in learning", "picture", "batch_norm",
         {"training=True": "training=False"}),
    said("epsilon in learning", "picture", "batch_norm", {"eps=1e-05": "eps=0.0001"}),
    said("no gradient of a rectifier", "picture", "relu", _detached),
    said("half a gradient", "picture", "leaky_relu", _halved),
    said("no gradient of a pool", "picture", "max_pool", _detached),
    said("no gradient of a mean", "picture", "mean", _detached),
    said("smoothed labels", "picture", "cross_entropy",
         {'reduction="none"': 'reduction="none", label_smoothing=0.1'}),
    said("distance for its square", "mixed", "mse", {"F.mse_loss": "F.l1_loss"}),
    said("weight of a loss doubled", "mixed", "mul", lambda text: f"({text}) * 2"),
    said("gradient through a rectifier", "picture", "relu", _straight),
    said("no gradient of a square", "mixed", "pow", _detached),
    said("half of gelu's gradient", "mixed", "gelu", _halved),
    said("gradient of tanh in float32", "mixed", "tanh",
         lambda text: f"({text}).float().double()"),
    said("no gradient of attention", "sentence", "softmax", _detached),
    said("no gradient of a product", "sentence", "matmul", _halved),
    said("gradient of a root", "sentence", "sqrt", _halved),
    said("no gradient of a difference", "sentence", "sub", _halved),
    said("sum of a loss", "sentence", "cross_entropy",
         lambda text: f"({text}) * 7"),
)  # fmt: skip
