"""`dlspec.load`: which engine answers, what it takes, what it refuses, and how it is proved on a
new machine."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlspec
from dlspec.bundle import BundleWriter, EngineRecord, InputSpec, Manifest, Noise, OutputSpec
from dlspec.diagnostics import DlspecError
from dlspec.runtime import Model, UntrainedWarning
from dlspec.runtime.feeds import Feeds
from dlspec.runtime.sizes import dim_of
from tests.unit.bundle import sample


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return dlspec.load(sample.publish(tmp_path_factory.mktemp("build")).parent)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def code_of(error: pytest.ExceptionInfo[DlspecError]) -> str:
    return error.value.diagnostics[0].code


# --- answers
# ---------------------------------------------------------------------------------------


def test_answers_are_the_models(reader: Model) -> None:
    image = sample.images(5)
    found, expected = reader(image=image), sample.answer(image)
    np.testing.assert_allclose(found.logits, expected["logits"], rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(found["digit"], expected["digit"])
    assert found.names("digit") == [str(d) for d in expected["digit"]]
    assert list(found) == ["logits", "digit"] and len(found) == 2
    assert found.classes == {"digit": sample.DIGITS}
    assert found.seed is None


def test_answers_print_and_describe(reader: Model) -> None:
    text = repr(reader(image=np.zeros((1, 28, 28), "uint8")))
    assert "logits  float32[1, 10]" in text and "digit   int64[1]" in text
    assert reader.describe().splitlines()[1:4] == [
        "  takes   image: uint8[N, 28, 28]",
        "  answers logits: float32[N, 10]",
        "  answers digit: int64[N] of 10 classes",
    ]


def test_unknown_outputs(reader: Model) -> None:
    found = reader(image=sample.images(1))
    with pytest.raises(AttributeError, match="did you mean `digit`"):
        _ = found.digits
    with pytest.raises(KeyError):
        _ = found["digits"]
    with pytest.raises(DlspecError) as error:
        found.names("logits")
    assert code_of(error) == "DL672"


def test_threads_share_a_model(reader: Model) -> None:
    image = sample.images(8)
    expected = reader(image=image).logits
    wrong: list[int] = []

    def ask(k: int) -> None:
        for _ in range(20):
            if not np.array_equal(
                reader(image=image[k : k + 1]).logits[0].argmax(), expected[k].argmax()
            ):
                wrong.append(k)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- feeds
# -----------------------------------------------------------------------------------------

IMAGE = np.zeros((2, 28, 28), np.uint8)


@pytest.mark.parametrize(
    "value",
    [
        IMAGE,
        IMAGE.tolist(),
        IMAGE.astype(np.int64),
        IMAGE.astype(bool),
        np.zeros((28, 28, 2), np.uint8).transpose(2, 0, 1),
        np.zeros((2, 28, 56), np.uint8)[:, :, ::2],
        np.zeros((2, 28, 28), ">u2"),
    ],
    ids=["exact", "list", "int64", "bool", "transposed", "strided", "big-endian"],
)
def test_what_is_exact_is_taken(reader: Model, value: Any) -> None:
    np.testing.assert_array_equal(reader(image=value).logits, reader(image=IMAGE).logits)


def test_strided_arrays_give_their_own_values(reader: Model) -> None:
    wide = sample.images(4)
    turned = wide.transpose(0, 2, 1)
    np.testing.assert_array_equal(reader(image=turned).logits, reader(image=turned.copy()).logits)


@pytest.mark.parametrize(
    ("feeds", "code", "says"),
    [
        ({}, "DL661", "image"),
        ({"imgae": IMAGE}, "DL660", "did you mean `image`"),
        ({"image": IMAGE, "other": 1}, "DL660", "other"),
        ({"image": IMAGE.astype("f")}, "DL662", "float32"),
        ({"image": IMAGE.astype("f").tolist()}, "DL662", "float64"),
        ({"image": IMAGE.astype("i8") - 1}, "DL663", "-1"),
        ({"image": [[[256] * 28] * 28]}, "DL663", "256"),
        ({"image": IMAGE[0]}, "DL664", r"image\[None\]"),
        ({"image": IMAGE[None]}, "DL664", r"\[1, 2, 28, 28\]"),
        ({"image": 3}, "DL664", r"\[\]"),
        ({"image": IMAGE[:, :27]}, "DL665", "axis 1 must be 28"),
        ({"image": IMAGE[:0]}, "DL667", "at least 1"),
        ({"image": np.zeros((65, 28, 28), "uint8")}, "DL668", "1 to 64"),
        ({"image": "seven.png"}, "DL669", "a text"),
        ({"image": [[1], [1, 2]]}, "DL669", "different lengths"),
        ({"image": None}, "DL661", "image"),
        ({"image": object()}, "DL669", "object"),
        ({"image": IMAGE.astype(complex)}, "DL669", "ndarray"),
    ],
)
def test_what_does_not_fit_is_told(
    reader: Model, feeds: dict[str, Any], code: str, says: str
) -> None:
    with pytest.raises(DlspecError, match=says) as error:
        reader(**feeds)
    assert code_of(error) == code
    with pytest.raises(DlspecError):
        reader(feeds)


def _feeds(*inputs: InputSpec, **bounds: tuple[int, int]) -> Feeds:
    return Feeds(inputs, bounds, "edge/onnxruntime")


def test_one_symbol_is_one_size() -> None:
    feeds = _feeds(
        InputSpec("a", "float32", ("N", "T")), InputSpec("b", "float32", ("N", "2*T + 1"))
    )
    a = np.zeros((2, 3), "f")
    bound, _ = feeds.bind({"a": a, "b": np.zeros((2, 7), "f")}, None)
    assert list(bound) == ["a", "b"]
    for wrong, code in (((3, 7), "DL666"), ((2, 6), "DL665")):
        with pytest.raises(DlspecError) as error:
            feeds.bind({"a": a, "b": np.zeros(wrong, "f")}, None)
        assert code_of(error) == code


def test_lengths_left_out_are_full_and_given_ones_are_checked() -> None:
    feeds = _feeds(
        InputSpec("x", "float32", ("N", "T")),
        InputSpec("T_lengths", "int32", ("N",), origin="lengths", symbol="T"),
    )
    x = np.zeros((2, 5), "f")
    bound, _ = feeds.bind({"x": x}, None)
    assert bound["T_lengths"].tolist() == [5, 5] and bound["T_lengths"].dtype == np.int32
    bound, _ = feeds.bind({"x": x, "T_lengths": [5, 1]}, None)
    assert bound["T_lengths"].tolist() == [5, 1]
    for wrong, code in (([6, 1], "DL674"), ([-1, 1], "DL674"), ([1, 2, 3], "DL666")):
        with pytest.raises(DlspecError) as error:
            feeds.bind({"x": x, "T_lengths": wrong}, None)
        assert code_of(error) == code


def test_class_names_become_ids() -> None:
    feeds = _feeds(InputSpec("word", "int64", ("N",), ("cat", "dog")))
    assert feeds.bind({"word": ["dog", "cat"]}, None)[0]["word"].tolist() == [1, 0]
    for wrong, code in ((["dgo"], "DL670"), ([2], "DL663"), ([-1], "DL663")):
        with pytest.raises(DlspecError) as error:
            feeds.bind({"word": wrong}, None)
        assert code_of(error) == code
    with pytest.raises(DlspecError, match="its classes: cat, dog"):
        feeds.bind({"word": ["x"]}, None)


def test_floats_narrow_only_from_lists_and_only_in_range() -> None:
    feeds = _feeds(InputSpec("x", "float32", ("N",)))
    assert feeds.bind({"x": [0.1, 2]}, None)[0]["x"].dtype == np.float32
    assert feeds.bind({"x": np.ones(2, "float16")}, None)[0]["x"].dtype == np.float32
    for wrong, code in ((np.ones(2), "DL662"), ([1e300], "DL663")):
        with pytest.raises(DlspecError) as error:
            feeds.bind({"x": wrong}, None)
        assert code_of(error) == code


def test_a_size_that_nothing_tells_is_given_by_name() -> None:
    feeds = _feeds(InputSpec("T_lengths", "int32", ("N",), origin="lengths", symbol="T"))
    with pytest.raises(DlspecError) as error:
        feeds.bind({}, None)
    assert code_of(error) == "DL671"
    bound, _ = feeds.bind({"N": 2, "T": 4}, None)
    assert bound["T_lengths"].tolist() == [4, 4]


@pytest.mark.parametrize("text", ["28", "N", "2*T + 1", "(T + 1)//4", "T//2", "N*T - 3", "-T + 5"])
def test_dimension_texts_read_back(text: str) -> None:
    assert str(dim_of(text)) == text


@pytest.mark.parametrize(
    "text", ["", "N +", "(N", "N)", "1.5", "N//0", "N//T", "a b", "__import__('os')"]
)
def test_what_is_no_dimension(text: str) -> None:
    with pytest.raises(ValueError, match="not a dimension"):
        dim_of(text)


# --- which engine
# ----------------------------------------------------------------------------------

ORT = EngineRecord("edge", "onnxruntime", "model.onnx", status="verified")
RTX = EngineRecord("edge", "tensorrt_rtx", "model.onnx", status="awaits-device")


def test_engines_by_block_target_and_both(tmp_path: Path) -> None:
    path = sample.publish(tmp_path, RTX, ORT)
    for name in (None, "edge", "onnxruntime", "edge/onnxruntime"):
        assert dlspec.load(path, engine=name).record.target == "onnxruntime"
    for name in ("tensorrt_rtx", "edge/tensorrt_rtx"):
        with pytest.raises(DlspecError, match="no CUDA driver") as error:
            dlspec.load(path, engine=name)
        assert code_of(error) == "DL647"
    with pytest.raises(DlspecError) as error:
        dlspec.load(path, device="cuda")
    assert code_of(error) == "DL647"
    with pytest.raises(DlspecError, match="did you mean `edge`") as error:
        dlspec.load(path, engine="egde")
    assert code_of(error) == "DL645"


@pytest.mark.parametrize("status", ["failed", "unverified"])
def test_engines_that_are_not_fit_do_not_answer(tmp_path: Path, status: Any) -> None:
    path = sample.publish(tmp_path, dataclasses.replace(ORT, status=status))
    with pytest.raises(DlspecError, match=status) as error:
        dlspec.load(path)
    assert code_of(error) == "DL646"


def test_fallback_only_where_the_spec_says_so(tmp_path: Path) -> None:
    allowed = dataclasses.replace(RTX, fallback="cpu", golden={"logits": 1e-2})
    found = dlspec.load(sample.publish(tmp_path, allowed), engine="tensorrt_rtx")
    np.testing.assert_allclose(
        found(image=sample.images(2)).logits, sample.answer(sample.images(2))["logits"], atol=1e-2
    )


def test_bad_options(tmp_path: Path) -> None:
    path = sample.publish(tmp_path)
    for options in ({"threads": 0}, {"device": "tpu"}):
        with pytest.raises(DlspecError) as error:
            dlspec.load(path, **options)  # type: ignore[arg-type]
        assert code_of(error) == "DL673"


# --- proof on a new machine
# ------------------------------------------------------------------------


def _awaiting(**changes: Any) -> EngineRecord:
    return dataclasses.replace(ORT, status="awaits-device", golden={"logits": 1e-2}, **changes)


def test_first_load_proves_and_remembers(tmp_path: Path) -> None:
    path = sample.publish(tmp_path, _awaiting())
    dlspec.load(path)
    verdicts = list((tmp_path / "cache" / "dlspec" / "verdicts").glob("*.json"))
    assert len(verdicts) == 1 and '"edge/onnxruntime"' in verdicts[0].read_text()
    golden = path / "golden.safetensors"
    golden.write_bytes(bytes(golden.stat().st_size))
    dlspec.load(path)  # proved before: the golden answers are not read again
    verdicts[0].unlink()
    with pytest.raises(DlspecError, match="golden") as error:
        dlspec.load(path)
    assert code_of(error) == "DL634"


def test_a_mismatch_is_refused_every_time(tmp_path: Path) -> None:
    path = sample.publish(tmp_path, _awaiting(), golden_offset=0.1)
    for _ in range(2):
        with pytest.raises(DlspecError, match="logits") as error:
            dlspec.load(path)
        assert code_of(error) == "DL648"


def test_without_bounds_there_is_no_proof(tmp_path: Path) -> None:
    with pytest.raises(DlspecError, match="logits") as error:
        dlspec.load(sample.publish(tmp_path, dataclasses.replace(_awaiting(), golden={})))
    assert code_of(error) == "DL656"


def test_a_model_saved_on_other_hardware_is_not_used(tmp_path: Path) -> None:
    foreign = dataclasses.replace(
        ORT, file="engines/edge/onnxruntime/model.onnx", device="elsewhere", golden={"logits": 1e-2}
    )
    with BundleWriter(tmp_path, "reader") as bundle:
        bundle.add_bytes("model.onnx", sample.model().SerializeToString())
        bundle.add_bytes(foreign.file, b"of no use here")
        from dlspec.bundle import GoldenCase

        bundle.add_golden([GoldenCase({"image": IMAGE}, sample.answer(IMAGE), {})])
        path = bundle.publish(sample.manifest(foreign))
    np.testing.assert_allclose(
        dlspec.load(path)(image=IMAGE).logits, sample.answer(IMAGE)["logits"], atol=1e-2
    )


# --- the rest
# --------------------------------------------------------------------------------------


def test_untrained_bundles_warn(tmp_path: Path) -> None:
    path = sample.publish(tmp_path, trained=False)
    with pytest.warns(UntrainedWarning, match="fresh"):
        assert not dlspec.load(path).trained
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dlspec.load(sample.publish(tmp_path / "b", trained=False, parameters=0))


def test_damaged_model_is_not_loaded(tmp_path: Path) -> None:
    path = sample.publish(tmp_path)
    data = bytearray((path / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "model.onnx").write_bytes(data)
    with pytest.raises(DlspecError) as error:
        dlspec.load(path)
    assert code_of(error) == "DL634"


def test_an_unreadable_model_is_told(tmp_path: Path) -> None:
    with BundleWriter(tmp_path, "reader") as bundle:
        bundle.add_bytes("model.onnx", b"no protobuf")
        path = bundle.publish(
            Manifest("reader", "0", outputs=(OutputSpec("y", "float32", ()),), engines=(ORT,))
        )
    with pytest.raises(DlspecError) as error:
        dlspec.load(path)
    assert code_of(error) == "DL659"


def test_what_applications_import(tmp_path: Path) -> None:
    path = sample.publish(tmp_path)
    text = f"""
import sys, dlspec
assert "numpy" not in sys.modules
import numpy
dlspec.load({str(path)!r})(image=numpy.zeros((1, 28, 28), "uint8"))
heavy = {{"torch", "onnx", "lark", "dlspec.diagnostics.bundle", "dlspec.bundle.writer"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    repo = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, cwd=repo, check=False
    )
    assert done.returncode == 0, done.stderr


def test_noise_left_out_is_drawn_from_the_seed(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["e"], ["y"])],
        "generator",
        [info("e", TensorProto.FLOAT, ["N", 1000])],
        [info("y", TensorProto.FLOAT, ["N", 1000])],
    )
    opset = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    noise = Noise("normal", (2.0, 3.0))
    spec = InputSpec("e", "float32", ("N", "1000"), origin="noise", noise=noise)
    output = OutputSpec("y", "float32", ("N", "1000"))
    manifest = Manifest("g", "0", inputs=(spec,), outputs=(output,), engines=(ORT,))
    with BundleWriter(tmp_path, "g") as bundle:
        bundle.add_bytes("model.onnx", model.SerializeToString())
        generator = dlspec.load(bundle.publish(manifest))
    first = generator(N=2, seed=5)
    np.testing.assert_array_equal(first.y, generator({"N": 2}, seed=5).y)
    assert first.seed == 5 and first.y.shape == (2, 1000)
    assert abs(first.y.mean() - 2) < 0.3 and abs(first.y.std() - 3) < 0.3
    fresh = generator(N=1)
    assert not np.array_equal(fresh.y, generator(N=1).y)
    np.testing.assert_array_equal(fresh.y, generator(N=1, seed=fresh.seed).y)
    given = np.ones((1, 1000), np.float32)
    assert generator(e=given, seed=5).seed is None
    np.testing.assert_array_equal(generator(e=given).y, given)
