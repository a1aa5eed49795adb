"""The official client of Triton Inference Server against a running server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton

TYPES = {
    "bool": "BOOL",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
}


@pytest.fixture
def client(address: str) -> Iterator[Any]:
    with triton.InferenceServerClient(address, concurrency=4) as made:
        yield made


def row_image(row: int) -> np.ndarray:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, row] = 255
    return image


def tensor(array: np.ndarray, name: str, datatype: str, binary: bool) -> Any:
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("rows")
    assert not client.is_model_ready("cols")
    assert client.get_server_metadata()["name"] == "dlspec"
    about = client.get_model_metadata("rows")
    assert about["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert about["outputs"][2] == {"name": "digit", "datatype": "INT64", "shape": [-1]}
    version = about["versions"][0]
    assert client.is_model_ready("rows", version)
    assert client.get_model_metadata("rows", version) == about


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_infer(client: Any, binary_in: bool, binary_out: bool) -> None:
    image = np.concatenate([row_image(27), row_image(0), row_image(14)])
    outputs = [triton.InferRequestedOutput(n, binary_data=binary_out) for n in ("digit", "logits")]
    inputs = [tensor(image, "image", "UINT8", binary_in)]
    result = client.infer("rows", inputs, outputs=outputs, request_id="r7")
    assert result.as_numpy("digit").tolist() == [9, 0, 5]
    assert result.as_numpy("logits").dtype == np.float32
    assert result.as_numpy("logits")[0, 9] == pytest.approx(28 * 0.02)
    assert result.as_numpy("probabilities") is None
    assert result.get_response()["id"] == "r7"
    assert [o["name"] for o in result.get_response()["outputs"]] == ["digit", "logits"]


def test_all_outputs_by_default(client: Any) -> None:
    result = client.infer("rows", [tensor(row_image(9), "image", "UINT8", True)])
    assert result.as_numpy("digit").tolist() == [3]
    assert result.as_numpy("probabilities").sum() == pytest.approx(1)


@pytest.mark.parametrize("binary", [True, False])
def test_every_type_comes_back_unchanged(client: Any, binary: bool) -> None:
    rng = np.random.default_rng(3)
    arrays = {
        f"x_{n}": rng.integers(0, 2, (3, 2)).astype(bool)
        if n == "bool"
        else rng.normal(0, 9, (3, 2)).astype(n)
        if n.startswith("float")
        else rng.integers(np.iinfo(n).min, np.iinfo(n).max, (3, 2), dtype=n, endpoint=True)
        for n in TYPES
    }
    # the client itself sends float16 as binary only
    inputs = [
        tensor(arrays[f"x_{n}"], f"x_{n}", t, binary or t == "FP16") for n, t in TYPES.items()
    ]
    outputs = [
        triton.InferRequestedOutput(f"y_{n}", binary_data=binary or n == "float16") for n in TYPES
    ]
    result = client.infer("types", inputs, outputs=outputs)
    for name in TYPES:
        got = result.as_numpy(f"y_{name}")
        assert got.dtype == np.dtype(name)
        np.testing.assert_array_equal(got, arrays[f"x_{name}"])


@pytest.mark.parametrize("binary", [True, False])
def test_classification(client: Any, binary: bool) -> None:
    output = triton.InferRequestedOutput("logits", binary_data=binary, class_count=2)
    result = client.infer("rows", [tensor(row_image(27), "image", "UINT8", True)], outputs=[output])
    best = result.as_numpy("logits")[0, 0]
    assert (best.decode() if isinstance(best, bytes) else best) == "0.560000:9:9"


def test_errors_are_told(client: Any) -> None:
    from tritonclient.utils import InferenceServerException

    image = tensor(row_image(0)[:, :, :27], "image", "UINT8", True)
    with pytest.raises(InferenceServerException, match=r"DL665.*\[1, 28, 27\].*axis 2 must be 28"):
        client.infer("rows", [image])
    with pytest.raises(InferenceServerException, match="did you mean `rows`"):
        client.infer("row", [image])
