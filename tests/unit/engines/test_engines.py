"""Real builds: ONNX Runtime runs here, TensorRT for RTX plans here, CUDA refuses here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlspec.diagnostics import DlspecError
from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.engines import BuiltEngine, builder
from dlspec.engines.capture import native_output
from dlspec.engines.layers import parse_layers
from dlspec.ir.plan import EnginePlan, TargetPlan
from dlspec.runtime.host import cuda_missing
from dlspec.source import SourceFile

PLAN = EnginePlan("edge", (), {"N": (1, 64)})
NO_GPU = pytest.mark.skipif(cuda_missing() is None, reason="this machine has a GPU")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def small(*, half: bool = False, operator: str = "Relu") -> bytes:
    """conv -> relu -> mean -> dense over x: float[N, 1, 8, 8]; with ``half`` it computes in
    float16."""
    random = np.random.default_rng(0)
    inner = np.float16 if half else np.float32
    node, info = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("Conv", ["x16" if half else "x", "maps.weight"], ["c"], name="small.maps/Conv"),
        node(operator, ["c"], ["r"], name=f"small.act/{operator}"),
        node("GlobalAveragePool", ["r"], ["p"], name="small.pool/Mean"),
        node("Flatten", ["p"], ["f"], name="small.flat/Flatten"),
        node("MatMul", ["f", "y.weight"], ["y16" if half else "y"], name="small.y/MatMul"),
    ]
    if half:
        nodes = [
            node("Cast", ["x"], ["x16"], name="in/Cast", to=TensorProto.FLOAT16),
            *nodes,
            node("Cast", ["y16"], ["y"], name="out/Cast", to=TensorProto.FLOAT),
        ]
    for line, each in enumerate(nodes):
        entry = each.metadata_props.add()
        entry.key, entry.value = "dl.src", f"small.dl:{line + 3}:5"
    graph = helper.make_graph(
        nodes,
        "small",
        [info("x", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [info("y", TensorProto.FLOAT, ["N", 3])],
        [
            numpy_helper.from_array(
                random.standard_normal((4, 1, 3, 3)).astype(inner), "maps.weight"
            ),
            numpy_helper.from_array(random.standard_normal((4, 3)).astype(inner), "y.weight"),
        ],
    )
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def built(
    kind: str, out: Path, model: bytes | None = None, plan: EnginePlan = PLAN, **target: str
) -> BuiltEngine:
    return builder(kind).build(model or small(), plan, TargetPlan(kind, **target), out)  # type: ignore[arg-type]


def refused(
    kind: str, out: Path, model: bytes | None = None, plan: EnginePlan = PLAN, **target: str
) -> DlspecError:
    with pytest.raises(DlspecError) as error:
        built(kind, out, model, plan, **target)
    return error.value


def test_onnxruntime_deploys_the_optimised_model(tmp_path: Path) -> None:
    made = built("onnxruntime", tmp_path)
    assert made.status == "built" and made.file == tmp_path / "model.onnx"
    optimised = onnx.load(made.file)
    assert "Relu" not in {n.op_type for n in optimised.graph.node}  # fused into the convolution
    engine = builder("onnxruntime").open(small(), made, PLAN)
    x = np.random.default_rng(1).standard_normal((5, 1, 8, 8)).astype(np.float32)
    from dlspec.runtime.ort import OrtEngine

    plain = OrtEngine(small()).run({"x": x})["y"]
    np.testing.assert_allclose(engine.run({"x": x})["y"], plain, rtol=1e-5, atol=1e-6)
    assert engine.describe()["optimisation"] == "saved"
    json.dumps(made.describe())


def test_onnxruntime_says_that_low_precision_is_storage(tmp_path: Path) -> None:
    assert (
        "storage only"
        in built("onnxruntime", tmp_path, small(half=True), precision="float16").about
    )
    assert "storage only" not in built("onnxruntime", tmp_path).about


@NO_GPU
def test_cuda_refuses_without_a_gpu(tmp_path: Path) -> None:
    found = refused("cuda", tmp_path).diagnostics[0]
    assert found.code == "DL647" and "no CUDA driver" in found.message
    allowed = built("cuda", tmp_path, fallback="cpu")
    assert allowed.about["provider"] == "CPUExecutionProvider" and allowed.about["no CUDA"]


def test_unknown_targets_are_told(tmp_path: Path) -> None:
    with pytest.raises(DlspecError, match="onnxruntime, cuda"):
        builder("openvino")


def test_full_tensorrt_says_how_to_install_it(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx")
    try:
        import tensorrt  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        found = refused("tensorrt", tmp_path).diagnostics[0]
        assert found.code == "DL649" and "dlspec[tensorrt]" in found.helps[0]


class TestTensorRTForRTX:
    """Plans are built without a GPU."""

    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        pytest.importorskip("tensorrt_rtx")

    def test_a_plan_with_its_layers_traced_to_the_spec(self, tmp_path: Path) -> None:
        made = built("tensorrt_rtx", tmp_path)
        assert made.file.stat().st_size > 10_000
        assert made.bounds == {"N": (1, 64)}
        nodes = {n for layer in made.about["layers"] for n in layer["nodes"]}
        assert {"small.maps/Conv", "small.y/MatMul"} <= nodes
        conv = next(la for la in made.about["layers"] if "small.maps/Conv" in la["nodes"])
        assert "small.dl:3:5" in conv["spec"] and conv["computes in"] == ["float32"]
        json.dumps(made.describe())

    @NO_GPU
    def test_it_awaits_its_device(self, tmp_path: Path) -> None:
        made = built("tensorrt_rtx", tmp_path)
        assert made.status == "awaits-device"
        with pytest.raises(DlspecError, match="no CUDA driver"):
            builder("tensorrt_rtx").open(small(), made, PLAN)

    def test_half_precision_is_really_half(self, tmp_path: Path) -> None:
        made = built("tensorrt_rtx", tmp_path, small(half=True), precision="float16")
        conv = next(la for la in made.about["layers"] if "small.maps/Conv" in la["nodes"])
        assert "float16" in conv["computes in"]
        found = refused("tensorrt_rtx", tmp_path, precision="float16").diagnostics[0]
        assert found.code == "DL653"

    def test_the_cache_hits_the_same_and_nothing_else(self, tmp_path: Path) -> None:
        first = built("tensorrt_rtx", tmp_path)
        assert first.why == "built: not built before"
        plan = first.file.read_bytes()
        again = built("tensorrt_rtx", tmp_path)
        assert again.why == "taken from the cache"
        assert again.file.read_bytes() == plan and again.about == first.about
        assert (
            built("tensorrt_rtx", tmp_path, small(operator="Tanh")).why
            == "rebuilt: changed since the last build: model"
        )
        wider = EnginePlan("edge", (), {"N": (1, 128)})
        assert (
            built("tensorrt_rtx", tmp_path, small(operator="Tanh"), wider).why
            == "rebuilt: changed since the last build: options"
        )
        for entry in (tmp_path / "cache" / "dlspec" / "engines").glob("*.engine"):
            entry.write_bytes(b"damaged")
        assert (
            "removed or damaged"
            in built("tensorrt_rtx", tmp_path, small(operator="Tanh"), wider).why
        )

    def test_bounds_are_needed_and_checked(self, tmp_path: Path) -> None:
        missing = refused("tensorrt_rtx", tmp_path, None, EnginePlan("edge", ())).diagnostics[0]
        assert missing.code == "DL651" and "batch = 1..64" in missing.helps[0]
        turned = EnginePlan("edge", (), {"N": (5, 2)})
        assert refused("tensorrt_rtx", tmp_path, None, turned).diagnostics[0].code == "DL652"

    def test_a_refused_node_is_named_with_its_place(self, tmp_path: Path) -> None:
        found = refused("tensorrt_rtx", tmp_path, small(operator="Det")).diagnostics[0]
        assert found.code == "DL650"
        assert any("small.act/Det" in note for note in found.notes)
        assert any("small.dl:4:5" in note for note in found.notes)


def test_a_kernel_that_is_lacking_is_named_with_its_place(tmp_path: Path) -> None:
    """ONNX Runtime has few of float64."""
    source = SourceFile("wide.dl", "network wide { input x: float64[N, 4]; output y = x -> elu }")
    plan = Compilation(source, tmp_path).spec.networks["wide"]
    with pytest.raises(DlspecError) as caught:
        build_network(plan, {}, source, BuildOptions(tmp_path / "build", use_torch=False))
    (found,) = caught.value.diagnostics
    assert found.code == "DL650" and "it has no `Elu` of the element types" in str(caught.value)
    assert any("wide.y.elu/Elu" in note for note in found.notes)
    assert any("wide.dl:1:" in note for note in found.notes)
    assert 'cast("float32")' in found.helps[0]
    assert not (tmp_path / "build" / "wide" / "current").exists()


def test_layer_list_is_read() -> None:
    message = (
        "Layers:\nName: a, b, LayerType: conv, Inputs: [ { Name: x, Datatype: Half, Format: z }], "
        "Metadata: [ONNX Layer: n.1][ONNX Layer: n.2]\n\nI/O Tensors:\n Name: x, LayerType: no,"
    )
    (layer,) = parse_layers(message)
    assert (layer.name, layer.kind, layer.nodes) == ("a, b", "conv", ("n.1", "n.2"))
    assert layer.types == ("float16",)


def test_native_output_is_caught(capfd: pytest.CaptureFixture[str]) -> None:
    import os

    with native_output() as lines:
        os.write(1, b"one\n")
        os.write(2, b"two\n")
    os.write(1, b"three\n")
    assert lines == ["one", "two"]
    assert capfd.readouterr().out == "three\n"
