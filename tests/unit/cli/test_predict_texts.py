"""Texts given to `dlspec predict` are texts, whatever files there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlspec.bundle.manifest import InputSpec
from dlspec.cli.predict_inputs import questions
from dlspec.diagnostics import DlspecError

TEXT = InputSpec("text", "int64", ("N", "T"), by="words", classes=("a", "b"))


@pytest.mark.parametrize("text", ["folder", "plain.txt", "see example.com", "12", "true", "cats."])
def test_a_text_is_a_text(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("plain.txt").write_text("b")
    (question,) = questions([TEXT], [f"text={text}"])
    assert question.feeds["text"] == text


def test_several_texts_and_ids_are_lists() -> None:
    (question,) = questions([TEXT], ['text=["a b", "b"]'])
    assert question.feeds["text"] == ["a b", "b"]
    (question,) = questions([TEXT], ["text=[[1, 0], [1, 1]]"])
    assert question.feeds["text"] == [[1, 0], [1, 1]]
    (question,) = questions([TEXT], ["text=[1, 0]"])
    assert question.feeds["text"] == [[1, 0]]


@pytest.mark.parametrize("held", ['["a b", "", "b"]', '{"text": ["a b", "", "b"]}'])
def test_a_file_holds_several_texts(held: str, tmp_path: Path) -> None:
    place = tmp_path / "texts.json"
    place.write_text(held)
    (question,) = questions([TEXT], [str(place)])
    assert question.feeds["text"] == ["a b", "", "b"]


def test_what_is_given_twice_is_refused() -> None:
    with pytest.raises(DlspecError, match="given twice"):
        next(iter(questions([TEXT], ["text=a", "text=b"])))
