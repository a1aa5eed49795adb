"""Large networks: weights are written once, and every engine reads them where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import dlspec
from dlspec.driver import build as module
from dlspec.driver import open_spec
from dlspec.driver.build import BuildOptions, build_network
from dlspec.engines import onnxruntime as engine
from dlspec.randomness import initial_weights

SPEC = """
network net {
    input x: float[N, 40]
    output score = x -> dense(30) -> relu -> dense(20)
    output label = argmax(score)
}
engine whole for net { targets = onnxruntime; batch = 1..4 }
engine part for net { targets = onnxruntime; batch = 1..4; outputs = label }
"""


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle whose weights count as large."""
    monkeypatch.setattr(module, "WHOLE_LIMIT", 1)
    monkeypatch.setattr(engine, "SAVE_LIMIT", 1)
    spec = tmp_path / "net.dl"
    spec.write_text(SPEC)
    compilation = open_spec(spec)
    plan = compilation.networks["net"]
    options = BuildOptions(tmp_path / "build", use_torch=False)
    return build_network(plan, initial_weights(plan.graph), compilation.source, options).folder


@pytest.mark.filterwarnings("ignore:.*not trained")
def test_weights_are_written_once(bundle: Path) -> None:
    weights = (bundle / "weights.safetensors").stat().st_size
    models = sorted(bundle.rglob("*.onnx"))
    assert [m.relative_to(bundle).as_posix() for m in models] == ["model-part.onnx", "model.onnx"]
    for path in models:
        assert path.stat().st_size < weights
        onnx.checker.check_model(str(path))
        named = {t.name for t in onnx.load(str(path), load_external_data=False).graph.initializer}
        assert "score.dense.weight" in named
    x = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)
    both = dlspec.load(bundle, engine="whole", verify=True)(x=x)
    one = dlspec.load(bundle, engine="part")(x=x)
    np.testing.assert_array_equal(both.label, both.score.argmax(-1))
    np.testing.assert_array_equal(one.label, both.label)


def test_a_model_without_its_weights_does_not_pass_the_checker(bundle: Path) -> None:
    (bundle / "weights.safetensors").unlink()
    with pytest.raises(onnx.checker.ValidationError, match=r"weights\.safetensors"):
        onnx.checker.check_model(str(bundle / "model.onnx"))
