"""`dlspec predict build/net -`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlspec.cli.standard_input import is_standard_input, with_standard_input
from dlspec.diagnostics import DlspecError


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
