"""`dlspec predict`: pictures, arrays, values, and what is wrong with them."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlspec.cli import predict
from dlspec.cli.serve import size_of
from dlspec.diagnostics.core import DlspecError
from dlspec.runtime import Model
from tests.serve.text_models import sound


def ask(bundle: Path, *given: str) -> int:
    parser = argparse.ArgumentParser()
    predict.add_parser(parser.add_subparsers())
    return predict.run(parser.parse_args(["predict", str(bundle), *map(str, given)]))


def picture(path: Path, row: int, *, light: bool = False, scale: int = 1) -> str:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[row, 4:24] = 255
    pixels = 255 - pixels if light else pixels
    Image.fromarray(pixels.repeat(scale, 0).repeat(scale, 1)).save(path)
    return str(path)


def answers(text: str) -> list[list[int]]:
    return [json.loads(line)["answer"]["digit"] for line in text.splitlines()]


@pytest.mark.parametrize(("light", "scale"), [(False, 1), (True, 1), (True, 10), (False, 3)])
def test_pictures(
    digits_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    light: bool,
    scale: int,
) -> None:
    file = picture(tmp_path / "p.png", 17, light=light, scale=scale)
    assert ask(digits_bundle, file, "--json") == 0
    out, err = capsys.readouterr()
    assert answers(out) == [[6]]
    assert ("inverted" in err) == light
    assert ("scaled from" in err) == (scale > 1)


def test_text_for_people(
    digits_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [picture(tmp_path / f"{row}.png", row) for row in (0, 27)]
    assert ask(digits_bundle, *files) == 0
    out = capsys.readouterr().out
    assert "digit: 0" in out
    assert "digit: 9" in out
    assert "probabilities:" in out
    assert out.count("◂") == 2
    assert max(map(len, out.splitlines())) <= max(80, len(files[0]))


def test_arrays_and_values(
    digits_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.zeros((2, 28, 28), np.uint8)
    image[0, 0] = image[1, 27] = 255
    np.save(tmp_path / "one.npy", image[1])
    np.save(tmp_path / "two.npy", image)
    np.savez(tmp_path / "named.npz", image=image)
    (tmp_path / "list.json").write_text(json.dumps(image[1].tolist()))
    (tmp_path / "named.json").write_text(json.dumps({"image": image.tolist()}))
    names = ("one.npy", "two.npy", "named.npz", "list.json", "named.json")
    assert ask(digits_bundle, *(str(tmp_path / n) for n in names), "--json") == 0
    assert answers(capsys.readouterr().out) == [[9], [0, 9], [0, 9], [9], [0, 9]]
    assert ask(digits_bundle, f"image={image[0].tolist()}", "--json") == 0
    assert answers(capsys.readouterr().out) == [[0]]
    assert ask(digits_bundle, f"image={tmp_path / 'one.npy'}", "--json") == 0
    assert answers(capsys.readouterr().out) == [[9]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("seven.png", "did you mean"),
        ("broken.png", "it is cut short or damaged, or no picture"),
        ("broken.npy", "it is damaged, or holds Python objects"),
        ("broken.json", "it is not JSON"),
        ("missing.npy", "no such file"),
        ("imgae=3", "did you mean `image`"),
        ("image=[[1,2],[3]]", "DL669"),
        ("objects.npy", "holds Python objects"),
        (".", "it is a folder"),
    ],
)
def test_mistakes(
    digits_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "sevn.png", 3)
    for suffix in ("png", "npy", "json"):
        (tmp_path / f"broken.{suffix}").write_bytes(b"\x93NUMPY\x01\x00{")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DlspecError) as caught:
        ask(digits_bundle, given)
    assert expected in str(caught.value)


def test_a_picture_for_an_input_that_is_none(slow_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DlspecError, match="which is no picture"):
        ask(slow_bundle, picture(tmp_path / "p.png", 3))


def test_sizes() -> None:
    assert [size_of(t) for t in ("7", "64k", "1M", "2 GiB")] == [7, 65536, 2**20, 2**31]
    for wrong in ("", "0", "-1", "1T", "1.5M", "many"):
        with pytest.raises(DlspecError, match="DL435"):
            size_of(wrong)


def come_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_lines_that_come_in_are_texts(
    texts: dict[str, Model], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    come_in(monkeypatch, b"ab\ncab\n")
    assert ask(texts["speller"].path, "-", "--json") == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["texts"]["phonemes"] for line in told] == [[sound("ab")], [sound("cab")]]
    assert [line["given"] for line in told] == ['"ab"', '"cab"']


def test_what_comes_in_and_cannot_be_used(
    digits_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_in(monkeypatch, b"no picture")
    with pytest.raises(DlspecError) as caught:
        ask(digits_bundle, "-")
    said = str(caught.value)
    assert "`standard input` cannot be used: it is cut short or damaged" in said
