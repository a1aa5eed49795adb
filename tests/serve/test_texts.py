"""Texts in, texts out: as JSON and binary, by plain HTTP and by the official client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.diagnostics.core import DlspecError
from dlspec.runtime import Model
from dlspec.serve.request import Names, read_request
from dlspec.serve.texts import texts_of_bytes
from tests.serve import web
from tests.serve.text_models import sound

README = Path(__file__).resolve().parents[2] / "dlspec" / "serve" / "README.md"
LINES = ["to be or not", "not", "", "to zebra", "be  or\tbe"]


def tensor(name: str, data: Any, shape: list[int] | None = None) -> dict[str, Any]:
    axes = [len(data)] if shape is None else shape
    return {"name": name, "shape": axes, "datatype": "BYTES", "data": data}


def post(address: str, model: str, *inputs: dict[str, Any], **fields: Any) -> httpx.Response:
    url = f"http://{address}/v2/models/{model}/infer"
    return web.post(url, json={"inputs": inputs, **fields})


def ask(address: str, model: str, *inputs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = post(address, model, *inputs, **fields)
    assert answer.status_code == 200, answer.text
    return {o["name"]: o for o in answer.json()["outputs"]}


def array(output: dict[str, Any]) -> np.ndarray:
    return np.array(output["data"]).reshape(output["shape"])


def test_texts_are_answered_as_the_runtime_does(text_address: str, texts: dict[str, Model]) -> None:
    answer = ask(text_address, "tagger", tensor("word", LINES))
    expected = texts["tagger"](word=LINES)
    assert answer["tag"] == tensor("tag", expected.text("tag"))
    assert answer["T_lengths"]["data"] == [4, 1, 0, 2, 3]
    np.testing.assert_allclose(array(answer["scores"]), expected["scores"], rtol=1e-6)
    np.testing.assert_allclose(array(answer["probability"]), expected["probability"], rtol=1e-6)
    assert answer["feeling"]["datatype"] == "INT64"


def test_one_text_beside_others_or_alone(text_address: str) -> None:
    together = ask(text_address, "tagger", tensor("word", LINES))
    for place, line in enumerate(LINES):
        alone = ask(text_address, "tagger", tensor("word", [line]))
        assert alone["tag"]["data"] == [together["tag"]["data"][place]]
        steps = alone["scores"]["shape"][1]
        beside = array(together["scores"])[place, :steps]
        np.testing.assert_allclose(array(alone["scores"])[0], beside, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (["to be", "or"], [2]),
        ([["to be"], ["or"]], [2, 1]),
        ([["to", "be"], ["or", ""]], [2, 2]),
        (["to", "be", "or", ""], [2, 2]),
    ],
)
def test_shapes_of_texts(text_address: str, data: Any, shape: list[int]) -> None:
    expected = ask(text_address, "tagger", tensor("word", ["to be", "or"]))
    answer = ask(text_address, "tagger", tensor("word", data, shape))
    assert answer == expected


def test_ids_are_answered_with_ids(text_address: str) -> None:
    texts = ask(text_address, "tagger", tensor("word", ["to be or", "zebra not"]))
    ids = {"name": "word", "shape": [2, 3], "datatype": "INT64", "data": [3, 4, 5, 0, 6, 6]}
    lengths = {"name": "T_lengths", "shape": [2], "datatype": "INT32", "data": [3, 2]}
    answer = ask(text_address, "tagger", ids, lengths)
    assert answer["tag"]["datatype"] == "INT64"
    assert answer["tag"]["shape"] == [2, 3]
    assert answer["scores"] == texts["scores"]
    asked = ask(text_address, "tagger", ids, lengths, parameters={"as": "text"})
    assert asked["tag"] == texts["tag"]


def test_who_asks_gets_ids_or_names(text_address: str, texts: dict[str, Model]) -> None:
    sent = tensor("word", ["to be or", "not"])
    expected = texts["tagger"](word=sent["data"])
    wanted = [
        {"name": "tag", "parameters": {"as": "names"}},
        {"name": "feeling", "parameters": {"as": "names"}},
    ]
    answer = ask(text_address, "tagger", sent, outputs=wanted)
    first, second = expected.names("tag")
    assert answer["tag"]["data"] == [*first, *second, "", ""]
    assert answer["feeling"] == tensor("feeling", expected.names("feeling"))
    ids = ask(text_address, "tagger", sent, parameters={"as": "ids"})
    assert ids["tag"]["data"] == expected["tag"].ravel().tolist()
    named = ask(text_address, "tagger", sent, parameters={"as": "names"})
    assert named["feeling"] == answer["feeling"]
    assert named["probability"]["datatype"] == "FP32"


def test_what_is_generated_is_a_text(text_address: str) -> None:
    words = ["ab", "abc", "bb", "ca", "bac"]
    answer = ask(text_address, "speller", tensor("word", words))
    assert answer["phonemes"]["data"] == [sound(w) for w in words], "it has learnt that"
    lengths = [len(sound(w).split()) for w in words]
    assert answer["L_lengths"]["data"] == lengths
    # no longer than the longest: it stops early, and says so
    assert answer["focus"]["shape"] == [5, max(lengths), 3]
    ids = ask(text_address, "speller", tensor("word", words), parameters={"as": "ids"})
    assert ids["phonemes"]["shape"] == [5, max(lengths)]


def test_words_by_their_letters(text_address: str, texts: dict[str, Model]) -> None:
    lines = ["to be or not", "or"]
    both = [tensor("word", lines), tensor("gram", lines)]
    expected = texts["hasher"](word=lines, gram=lines)["middle"]
    np.testing.assert_allclose(
        array(ask(text_address, "hasher", *both)["middle"]), expected, atol=1e-6
    )
    listed = [["to", "be", "or", "not"], ["or", "", "", ""]]
    both[1] = tensor("gram", listed, [2, 4])
    np.testing.assert_allclose(
        array(ask(text_address, "hasher", *both)["middle"]), expected, atol=1e-6
    )


def test_waves_are_padded_with_lengths(text_address: str) -> None:
    wave = {"name": "wave", "shape": [2, 3], "datatype": "FP32", "data": [[1, 3, 0], [2, 2, 2]]}
    lengths = {"name": "S_lengths", "shape": [2], "datatype": "INT32", "data": [2, 3]}
    assert ask(text_address, "hearer", wave, lengths)["loud"]["data"] == [2.0, 2.0]
    assert ask(text_address, "hearer", wave)["loud"]["data"] == pytest.approx([4 / 3, 2.0])
    uneven = {**wave, "data": [[1, 3], [2, 2, 2]]}
    told = post(text_address, "hearer", uneven)
    assert told.status_code == 400
    assert "tell their lengths in `S_lengths`" in told.json()["error"]


def test_metadata(text_address: str) -> None:
    about = web.get(f"http://{text_address}/v2/models/tagger").json()
    word, lengths = about["inputs"]
    assert (word["datatype"], word["shape"]) == ("BYTES", [-1])
    assert word["parameters"] == {
        "content_type": "str",
        "by": "words",
        "vocabulary": 7,
        "longest": 16,
        "ids": "INT64 [-1, -1]",
    }
    assert lengths["parameters"] == {"optional": True}
    outputs = {o["name"]: o for o in about["outputs"]}
    assert (outputs["tag"]["datatype"], outputs["tag"]["shape"]) == ("BYTES", [-1])
    assert outputs["scores"] == {"name": "scores", "datatype": "FP32", "shape": [-1, -1, 6]}
    answer = ask(text_address, "tagger", tensor("word", LINES))
    for name, told in outputs.items():
        assert answer[name]["datatype"] == told["datatype"]
        assert len(answer[name]["shape"]) == len(told["shape"])


LONG = "to " * 17
IDS = {"name": "word", "shape": [1, 2], "datatype": "INT64", "data": [3, 4]}
LENGTHS = {"name": "T_lengths", "shape": [1], "datatype": "INT32", "data": [1]}
WRONG: dict[str, tuple[str, list[dict[str, Any]], dict[str, Any], str]] = {
    "too long": ("tagger", [tensor("word", ["to", LONG])], {}, "`word[1]` has 17 words"),
    "too long a word list": (
        "tagger",
        [tensor("word", [["to"] * 20], [1, 20])],
        {},
        "`word[0]` has 20 words; the engine `edge/onnxruntime` takes up to 16",
    ),
    "too many": ("tagger", [tensor("word", ["to"] * 33)], {}, "`N` is 33"),
    "none": ("tagger", [tensor("word", [], [0])], {}, "DL66"),
    "a number": ("tagger", [tensor("word", ["to", 3])], {}, "it holds the number 3, no text"),
    "null": ("tagger", [tensor("word", [None])], {}, "it holds null, no text"),
    "another count": ("tagger", [tensor("word", ["to"], [2])], {}, "it has 1 text"),
    "uneven": ("tagger", [tensor("word", [["to"], ["be", "or"]], [2, 2])], {}, "with empty texts"),
    "mixed": ("tagger", [tensor("word", ["to", ["be"]], [2])], {}, "its lists are uneven"),
    "three axes": ("tagger", [tensor("word", ["to"] * 8, [2, 2, 2])], {}, "send one text"),
    "no axis": ("tagger", [tensor("word", ["to"], [])], {}, "DL424"),
    "no list": ("tagger", [tensor("word", "to", [1])], {}, "and no list"),
    "texts as numbers": ("tagger", [{**IDS, "data": ["to", "be"]}], {}, "it holds the text"),
    "no id": ("tagger", [{**IDS, "data": [3, 7]}], {}, "id of its classes"),
    "lengths beside texts": ("tagger", [tensor("word", ["to"]), LENGTHS], {}, "those of `word`"),
    "lengths too long": ("tagger", [IDS, {**LENGTHS, "data": [3]}], {}, "DL674"),
    "texts of unlike lengths": (
        "hasher",
        [tensor("word", ["to be", "or"]), tensor("gram", ["to be", "or not"])],
        {},
        "`T` is 1 in `word[1]` and 2 in `gram[1]`",
    ),
    "texts for numbers": ("hearer", [tensor("wave", ["to"])], {}, "`wave` takes FP32"),
    "an unknown manner": (
        "tagger",
        [IDS],
        {"parameters": {"as": "texts"}},
        '"text", "names" or "ids"',
    ),
    "numbers as texts": (
        "tagger",
        [IDS],
        {"outputs": [{"name": "scores", "parameters": {"as": "text"}}]},
        'it must be "ids"',
    ),
    "classes as texts": (
        "tagger",
        [IDS],
        {"outputs": [{"name": "feeling", "parameters": {"as": "text"}}]},
        'it must be "names" or "ids"',
    ),
    "two manners": (
        "tagger",
        [IDS],
        {"outputs": [{"name": "scores", "parameters": {"as": "ids", "classification": 1}}]},
        "left out beside `classification`",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_texts(text_address: str, case: str) -> None:
    model, inputs, fields, expected = WRONG[case]
    answer = post(text_address, model, *inputs, **fields)
    assert answer.status_code == 400
    assert expected in answer.json()["error"]
    assert "Traceback" not in answer.text


def test_wrong_utf8(text_address: str) -> None:
    url = f"http://{text_address}/v2/models/tagger/infer"
    assert "DL420" in web.post(url, content=b'{"inputs": ["\xff"]}').json()["error"]
    surrogate = (
        b'{"inputs": [{"name": "word", "shape": [1], "datatype": "BYTES", "data": ["\\ud800"]}]}'
    )
    assert web.post(url, content=surrogate).status_code == 400
    header = b'{"inputs": [{"name": "word", "shape": [2], "datatype": "BYTES", "parameters": '
    header += b'{"binary_data_size": 11}}]}'
    wrong = b"\x02\0\0\0to\x01\0\0\0\xff"
    told = web.post(
        url, content=header + wrong, headers={"Inference-Header-Content-Length": str(len(header))}
    )
    assert told.status_code == 400
    assert "text 1 is no UTF-8: invalid start byte at its byte 0" in told.json()["error"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=5), max_size=4), st.data())
def test_any_bytes_are_texts_or_refused(values: list[str], data: st.DataObject) -> None:
    whole = b"".join(len(v.encode()).to_bytes(4, "little") + v.encode() for v in values)
    found = texts_of_bytes("x", memoryview(whole), [len(values)])
    assert found.tolist() == values
    cut = data.draw(st.integers(0, max(0, len(whole) - 1)))
    for broken in (whole[:cut], data.draw(st.binary(max_size=12))):
        try:
            texts = texts_of_bytes("x", memoryview(broken), [len(values)])
        except DlspecError as error:
            assert error.diagnostics[0].code == "DL424"
        else:
            assert b"".join(
                len(t.encode()).to_bytes(4, "little") + t.encode() for t in texts.tolist()
            ) == bytes(broken)


@pytest.fixture
def client(text_address: str) -> Iterator[Any]:
    with triton.InferenceServerClient(text_address, concurrency=4) as made:
        yield made


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_triton(client: Any, binary_in: bool, binary_out: bool, shape: tuple[int, ...]) -> None:
    words = ["ab", "cc", "bü"]
    given = triton.InferInput("word", list(shape), "BYTES")
    values = np.array(words, dtype=object).reshape(shape)
    given.set_data_from_numpy(values, binary_data=binary_in)
    outputs = [
        triton.InferRequestedOutput(n, binary_data=binary_out) for n in ("phonemes", "L_lengths")
    ]
    result = client.infer("speller", [given], outputs=outputs)
    said = [t.decode() if isinstance(t, bytes) else t for t in result.as_numpy("phonemes")]
    assert said[:2] == [sound("ab"), sound("cc")]
    assert result.as_numpy("L_lengths").tolist()[:2] == [3, 2]


def test_triton_by_default(client: Any) -> None:
    given = triton.InferInput("word", [2], "BYTES")
    given.set_data_from_numpy(np.array([b"ab", b"c"], dtype=object))
    assert client.infer("speller", [given]).as_numpy("phonemes")[0].decode() == sound("ab")
    ids = client.infer("speller", [given], parameters={"as": "ids"})
    assert ids.as_numpy("phonemes").dtype == np.int64


def test_the_requests_of_the_reference_are_right() -> None:
    """What the reference tells people to send can be read."""
    sent = re.findall(r"-d '(.*?)'", README.read_text("utf-8"), re.DOTALL)
    assert len(sent) == 2
    names = Names(
        dict.fromkeys(("text", "hash", "letters"), "INT64"),
        ("probability", "sentiment", "slot"),
        frozenset(),
        frozenset({"text", "hash", "letters"}),
    )
    for body in sent:
        assert read_request(body.encode(), None, names).feeds
