"""`dlspec predict build/net -`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlspec.bundle.manifest import InputSpec
from dlspec.cli.predict_inputs import questions
from dlspec.cli.standard_input import is_standard_input, told, with_standard_input
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.render import render


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b'{"x": [1, 2]}', ".json"),
        (b" [[1, 2]]", ".json"),
        (b"0.5", ".json"),
        (b"\x93NUMPY\x01\x00", ".npy"),
        (b"PK\x03\x04", ".npz"),
        (b"\x89PNG\r\n", ".png"),
    ],
)
def test_its_kind_is_seen(content: bytes, suffix: str, tmp_path: Path) -> None:
    (given,) = with_standard_input(["-"], content, tmp_path)
    assert Path(given).suffix == suffix
    assert Path(given).read_bytes() == content


def test_it_may_be_for_a_named_input(tmp_path: Path) -> None:
    given = with_standard_input(["seed=3", "x=-"], b"[1]", tmp_path)
    assert given == ["seed=3", f"x={tmp_path}/standard input.json"]


@pytest.mark.parametrize(("given", "content"), [(["-", "x=-"], b"[1]"), (["-"], b"")])
def test_it_is_read_once_and_not_empty(given: list[str], content: bytes, tmp_path: Path) -> None:
    with pytest.raises(DlspecError) as caught:
        with_standard_input(given, content, tmp_path)
    assert caught.value.diagnostics[0].code == "DL437"


def test_a_negative_number_is_a_value() -> None:
    assert not is_standard_input("x=-1")


def texts(name: str) -> bool:
    return name in ("", "said")


def test_lines_are_texts_where_texts_are_taken(tmp_path: Path) -> None:
    content = b'to be\n\nsaid=3, "a".npy\r\n7'
    given = with_standard_input(["-", "seed=3"], content, tmp_path, texts)
    assert given == ['"to be"', '""', '"said=3, \\"a\\".npy"', '"7"', "seed=3"]
    (named,) = with_standard_input(["said=-"], content, tmp_path, texts)
    path = Path(named.removeprefix("said="))
    assert json.loads(path.read_text()) == ["to be", "", 'said=3, "a".npy', "7"]
    (other,) = with_standard_input(["x=-"], b"0.5", tmp_path, texts)
    assert Path(other.removeprefix("x=")).read_bytes() == b"0.5"


@pytest.mark.parametrize("content", [b'["a", "b"]', b'{"said": ["a"]}', b'"a"'])
def test_json_stays_json_where_texts_are_taken(content: bytes, tmp_path: Path) -> None:
    (given,) = with_standard_input(["-"], content, tmp_path, texts)
    assert Path(given).suffix == ".json" and Path(given).read_bytes() == content


@pytest.mark.parametrize(
    "content", [b"nonsense", b"\xff\xfe", b"[1, 2", b"RIFF1234WAVE", b"PK\x03\x04"]
)
def test_nobody_is_told_of_the_file(content: bytes, tmp_path: Path) -> None:
    spec = InputSpec("x", "float32", ("N", "T"))
    with pytest.raises(DlspecError) as caught:
        list(questions((spec,), with_standard_input(["-"], content, tmp_path)))
    (found,) = (told(d, tmp_path) for d in caught.value.diagnostics)
    said = render(found, colour=False)
    assert "`standard input` cannot be used" in said and str(tmp_path) not in said
