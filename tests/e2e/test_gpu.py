"""The whole way on a GPU: train there, build CUDA and TensorRT engines, and prove them by running
them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlspec.driver import open_spec
from dlspec.driver.build import BuildOptions, build_network
from dlspec.randomness import initial_weights
from dlspec.runtime.host import cuda_missing

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(bool(cuda_missing()), reason=f"CUDA: {cuda_missing()}"),
]

SPEC = """
network small {
    input image: uint8[N, 8, 8]
    h = image / 255 -> reshape(1, 8, 8) -> conv(4, kernel = 3, pad = 1) -> relu -> max_pool(2)
    output scores = h -> flatten -> dense(10)
    output best = argmax(scores)
}
recipe learn for small on digits {
    minimize cross_entropy(scores, label)
    optimizer = adam(0.01); batch = 20; epochs = 2
    metrics = accuracy(scores, label)
}
data digits {
    files = npz("digits.npz")
    output image: uint8[N, 8, 8] = files.image
    output label: int[N] = files.label
}
engine fast for learn { targets = TARGET; batch = 1..16 }
"""


def spec_in(folder: Path, target: str) -> Path:
    """The spec and its data in a folder."""
    rng = np.random.default_rng(0)
    np.savez(
        folder / "digits.npz",
        image=rng.integers(0, 256, (200, 8, 8)).astype(np.uint8),
        label=rng.integers(0, 10, 200),
    )
    path = folder / "small.dl"
    path.write_text(SPEC.replace("TARGET", target))
    return path


@pytest.mark.parametrize("target", ["cuda", "tensorrt_rtx"])
def test_engine_equals_the_model_on_the_gpu(tmp_path: Path, target: str) -> None:
    compilation = open_spec(spec_in(tmp_path, target))
    plan = compilation.networks["small"]
    built = build_network(
        plan, initial_weights(plan.graph), compilation.source, BuildOptions(tmp_path / "build")
    )
    (result,) = built.engines
    assert result.record.status == "verified"
    assert result.verification is not None and result.verification.ok


def test_training_on_the_gpu(tmp_path: Path) -> None:
    from dlspec.driver.training import train_recipe
    from dlspec.train import TrainOptions

    compilation = open_spec(spec_in(tmp_path, "onnxruntime"))
    options = TrainOptions(run_dir=tmp_path / "run", device="cuda", quiet=True)
    trained = train_recipe(
        compilation, compilation.recipe(), options, BuildOptions(tmp_path / "build")
    )
    assert trained.bundles[0].manifest.trained
    assert trained.bundles[0].engines[0].record.status == "verified"
