"""What clients can do wrong: each is answered by a clear 4xx, and the server lives on."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.diagnostics.core import DlspecError
from dlspec.serve.request import Names, read_request
from tests.serve import web

INFER = "/v2/models/rows/infer"
ZEROS = [0] * 784


def body(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "image", "shape": [1, 28, 28], "datatype": "UINT8", "data": ZEROS}
    inputs = [{k: v for k, v in {**tensor, **changes}.items() if v is not ...}]
    return {"inputs": inputs}


def wanted(*outputs: Any) -> dict[str, Any]:
    return {**body(), "outputs": list(outputs)}


NESTED = [[[0] * 28] * 28]
WRONG: dict[str, tuple[Any, str]] = {
    "empty": (b"", "DL420"),
    "no json": (b"{inputs: 1}", "DL420"),
    "not utf-8": (b'{"id": "\xff"}', "DL420"),
    "nan": (b'{"inputs": [NaN]}', "DL420"),
    "a list": ([1], "DL420"),
    "a bomb of brackets": (b"[" * 100_000, "DL420"),
    "unknown field": ({**body(), "outptus": []}, "did you mean `outputs`"),
    "unknown parameter": ({**body(), "parameters": {"sed": 1}}, "did you mean `seed`"),
    "parameters no object": ({**body(), "parameters": 3}, "DL422"),
    "id no text": ({**body(), "id": 3}, "`id` of the request is the number 3"),
    "no inputs": ({}, "`inputs` of the request is missing"),
    "inputs no list": ({"inputs": {}}, "is an object"),
    "an input no object": ({"inputs": [3]}, "inputs[0]"),
    "too few inputs": ({"inputs": []}, "DL661"),
    "unknown input": (body(name="imgae"), "did you mean `image`"),
    "input twice": ({"inputs": body()["inputs"] * 2}, "is given twice"),
    "no name": (body(name=...), "`name` of `inputs[0]` is missing"),
    "no shape": (body(shape=...), "`shape` of `inputs[0]` is missing"),
    "negative shape": (body(shape=[-1, 28, 28]), "`shape[0]` of `inputs[0]` is the number -1"),
    "shape of true": (body(shape=[1, True, 28]), "`shape[1]` of `inputs[0]` is true"),
    "shape with fraction": (
        body(shape=[1.0, 28, 28]),
        "`shape[0]` of `inputs[0]` is the number 1.0",
    ),
    "huge shape": (body(shape=[0, 2**39, 2**39], data=[]), "no array has this shape"),
    "many axes": (body(shape=[1] * 100, data=[0]), "no array has this shape"),
    "empty batch": (body(shape=[0, 28, 28], data=[]), "DL667"),
    "wrong rank": (body(shape=[28, 28]), "DL664"),
    "wrong size": (body(shape=[1, 784]), "DL664"),
    "no datatype": (body(datatype=...), "`datatype` of `inputs[0]` is missing"),
    "unknown datatype": (body(datatype="float32"), "`image` takes UINT8"),
    "bytes": (body(datatype="BYTES", data=["a"] * 784), "DL423"),
    "another datatype": (body(datatype="FP32"), "DL662"),
    "no data": (body(data=...), "`data` of `inputs[0]` is missing"),
    "data no list": (body(data="0"), 'is the text "0"'),
    "too few values": (body(data=[0]), "it has 1 values"),
    "uneven rows": (body(data=[[0], [0, 0]]), "its lists are uneven"),
    "other nesting": (body(data=[ZEROS]), "its lists have shape [1, 784]"),
    "a list among numbers": (body(data=[*ZEROS[1:], []]), "its lists are uneven"),
    "a text": (body(data=[*ZEROS[1:], "7"]), 'it holds the text "7"'),
    "null": (body(data=[*ZEROS[1:], None]), "it holds null"),
    "true": (body(data=[*ZEROS[1:], True]), "it holds true, no UINT8"),
    "a fraction": (body(data=[*ZEROS[1:], 0.5]), "it holds the number 0.5, no UINT8"),
    "out of range": (body(data=[*ZEROS[1:], 256]), "out of the range of UINT8"),
    "negative": (body(data=[*ZEROS[1:], -1]), "out of the range of UINT8"),
    "outputs no list": ({**body(), "outputs": 1}, "DL422"),
    "an output no object": (wanted("digit"), "outputs[0]"),
    "unknown output": (wanted({"name": "digits"}), "did you mean `digit`"),
    "output twice": (wanted({"name": "digit"}, {"name": "digit"}), "is asked for twice"),
    "unknown output field": (wanted({"name": "digit", "dtype": 1}), "DL421"),
    "binary flag no flag": (wanted({"name": "digit", "parameters": {"binary_data": 1}}), "DL422"),
    "negative classes": (wanted({"name": "logits", "parameters": {"classification": -1}}), "DL422"),
    "binary without header": (body(data=..., parameters={"binary_data_size": 784}), "DL425"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_bodies(address: str, case: str) -> None:
    sent, expected = WRONG[case]
    content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    answer = web.post(f"http://{address}{INFER}", content=content)
    text = answer.json()["error"]
    assert answer.status_code == 400
    assert expected in text
    assert "Traceback" not in text
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("data", [ZEROS, NESTED])
def test_flat_and_nested_data(address: str, data: list[Any]) -> None:
    answer = web.post(f"http://{address}{INFER}", json=body(data=data)).json()
    assert [o["name"] for o in answer["outputs"]] == ["logits", "probabilities", "digit"]
    assert answer["model_name"] == "rows"
    assert answer["outputs"][2] == {
        "name": "digit",
        "shape": [1],
        "datatype": "INT64",
        "data": [0],
    }


def binary(header: bytes, rest: bytes, length: str | None = None) -> dict[str, Any]:
    size = str(len(header)) if length is None else length
    return {"content": header + rest, "headers": {"Inference-Header-Content-Length": size}}


HEADER = json.dumps(body(data=..., parameters={"binary_data_size": 784})).encode()
BOTH = json.dumps(body(parameters={"binary_data_size": 784})).encode()
WRONG_BINARY = {
    "too short": (binary(HEADER, bytes(783)), "ends at byte 784 of it, but it has 783"),
    "too long": (binary(HEADER, bytes(785)), "it has 785 bytes, the inputs use 784"),
    "header no number": (binary(HEADER, bytes(784), "x"), "and no number"),
    "header negative": (binary(HEADER, bytes(784), "-5"), "and no number"),
    "header too long": (binary(HEADER, bytes(784), "99999"), "is to have 99999 bytes"),
    "header too short": (binary(HEADER, bytes(784), "5"), "DL420"),
    "data and binary": (binary(BOTH, bytes(784)), "both `data` and"),
    "size no number": (
        binary(HEADER.replace(b"784", b'"784"'), bytes(784)),
        "`parameters.binary_data_size` of `inputs[0]` is the text",
    ),
    "size of another shape": (
        binary(HEADER.replace(b"784", b"783"), bytes(783)),
        "784 values of UINT8 in shape [1, 28, 28] (784 bytes)",
    ),
}


@pytest.mark.parametrize("case", WRONG_BINARY)
def test_wrong_binary(address: str, case: str) -> None:
    sent, expected = WRONG_BINARY[case]
    answer = web.post(f"http://{address}{INFER}", **sent)
    assert answer.status_code == 400
    assert expected in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", INFER, 405, "use POST"),
        ("PUT", INFER, 405, "use POST"),
        ("POST", "/v2", 405, "use GET"),
        ("DELETE", "/v2/models/rows", 405, "use GET"),
        ("GET", "/v2/models/row", 404, "did you mean `rows`"),
        ("POST", "/v2/models/row/infer", 404, "served: rows, types, slow"),
        ("GET", "/v2/models/rows/versions/9999-00000000", 404, "version 9999-00000000"),
        ("POST", "/v2/models/rows/versions/9/infer", 404, "DL428"),
        ("GET", "/v2/health/redy", 404, "did you mean `/v2/health/ready`"),
        ("GET", "/v2/models", 404, "DL429"),
        ("GET", "/v2/models/rows/metadata", 404, "DL429"),
        ("GET", "/models/rows/weights.safetensors", 404, "DL429"),
        ("GET", "/models/rows/..%2f..%2fcurrent", 404, "DL429"),
        ("GET", "/page/..%2f__init__.py", 404, "DL429"),
        ("GET", "/page/model.html", 404, "DL429"),
    ],
)
def test_paths(address: str, method: str, path: str, status: int, expected: str) -> None:
    answer = web.request(method, f"http://{address}{path}")
    assert answer.status_code == status
    assert expected in answer.json()["error"]
    if status == 405:
        assert answer.headers["allow"]


def test_content_type_and_encoding(address: str) -> None:
    url = f"http://{address}{INFER}"
    form = web.post(url, data={"image": "7"})
    assert form.status_code == 415
    assert "send application/json" in form.json()["error"]
    curl = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl says by itself
    assert web.post(url, content=json.dumps(body()), headers=curl).status_code == 200
    for content in ("[]", "null", ""):
        answer = web.post(url, content=content, headers=curl)
        assert answer.status_code == 400
        assert "DL420" in answer.json()["error"]
    packed = web.post(url, content=b"x", headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    fine = web.post(url, json=body(), headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert fine.status_code == 200


def test_too_large(address: str) -> None:
    url = f"http://{address}{INFER}"
    declared = web.post(url, content=bytes(2**20 + 1))
    chunked = web.post(url, content=iter([bytes(2**19)] * 3))
    for answer in (declared, chunked):
        assert answer.status_code == 413
        assert "this server takes 1048576" in answer.json()["error"]


def test_a_client_that_breaks_off_harms_nobody(address: str) -> None:
    host, port = address.split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port))) as broken:
            broken.sendall(
                f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{{".encode()
            )
    assert web.post(f"http://{address}{INFER}", json=body()).status_code == 200


NAMES = Names({"a": "FP32", "b": "INT64"}, ("y",), frozenset({"N"}))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["inputs", "outputs", "name", "shape", "datatype", "data", "parameters", "id"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "b"]) | VALUES,
        "shape": st.lists(st.integers(-1, 3), max_size=3) | VALUES,
        "datatype": st.sampled_from(["FP32", "INT64", "BOOL", "FP16"]) | VALUES,
    },
    optional={
        "data": st.lists(st.integers() | st.floats(allow_nan=False), max_size=4) | VALUES,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 20)}) | VALUES,
    },
)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries({"inputs": st.lists(TENSORS, max_size=2)}, optional={"outputs": VALUES}),
    st.binary(max_size=20),
    st.integers(-3, 3) | st.none(),
)
def test_any_request_is_read_or_refused(raw: Any, rest: bytes, off: int | None) -> None:
    header = json.dumps(raw).encode()
    length = None if off is None else max(0, len(header) + off)
    try:
        request = read_request(header + rest if off is not None else header, length, NAMES)
    except DlspecError as error:
        assert 400 <= error.diagnostics[0].status < 500
    else:
        assert set(request.feeds) <= {"a", "b"}
