"""Faults of the lowering to PyTorch."""

from __future__ import annotations

import re

from tests.verify.faults.fault import Fault, said


def _arguments(text: str) -> list[str]:
    """Of a call or an operator of two names."""
    return re.findall(r"[A-Za-z_][\w.]*(?:\([^()]*\))?", text)


def _around(before: str, after: str):
    return lambda text: f"{before}({text}){after}"


TORCH_FAULTS: tuple[Fault, ...] = (
    said("convolution without padding", "picture", "conv", {"padding=(1, 2)": "padding=(1, 1)"}),
    said("dilation of one", "picture", "conv", {", dilation=2": "", "padding=2": "padding=1"}),
    said("no bias", "picture", "conv", {"groups=2": "groups=2, bias=False"}),
    said("epsilon", "picture", "batch_norm", {"eps=0.001": "eps=0.0001"}),
    said("no running statistics", "picture", "batch_norm", {"eps=": "training=True, eps="}),
    said("pool of the mean", "picture", "max_pool", {"F.max_pool": "F.avg_pool"}),
    said("ceil mode", "picture", "max_pool", {"padding=1": "padding=1, ceil_mode=True"}),
    said("padding not counted", "picture", "avg_pool",
         {"padding=1": "padding=1, count_include_pad=False"}),
    said("default slope", "picture", "leaky_relu", {", 0.2": ""}),
    said("leaky", "picture", "relu", {"F.relu(": "F.leaky_relu("}),
    said("softmax of rows", "picture", "softmax", {"dim=-1": "dim=0"}),
    said("mean of medians", "picture", "mean", {".mean(": ".amax("}),
    said("smallest", "picture", "argmax", {".argmax(": ".argmin("}),
    said("tanh form of gelu", "mixed", "gelu", {"F.gelu(": "F.gelu(approximate='tanh', input="}),
    said("float32 inside", "mixed", "tanh", _around("", ".float().double()")),
    said("threshold of softplus", "mixed", "softplus", {"threshold=40": "threshold=1"}),
    said("upper end of clip", "mixed", "clip", {"0.6": "0.5"}),
    said("a logarithm of one more", "mixed", "log", {".log()": ".log1p()"}),
    said("stacked along another axis", "mixed", "stack", {"dim=1": "dim=2"}),
    said("not transposed", "sentence", "transpose", {"transpose(-2, -1)": "view(-1, 16, 7)"}),
    said("mean over the other axis", "sentence", "mean", {"dim=2": "dim=1"}),
    said("a dropout in evaluation", "sentence", "softmax",
         _around("F.dropout", " * 0.5")),
    said("division cut off towards zero", "integers", "floor_div",
         lambda text: "torch.div({}, {}, rounding_mode='trunc')".format(*text.split(" // "))),
    said("sign of the remainder", "integers", "mod",
         lambda text: "torch.fmod({}, {})".format(*text.split(" % "))),
    said("less for at most", "integers", "less_equal", {"<=": "<"}),
)  # fmt: skip
