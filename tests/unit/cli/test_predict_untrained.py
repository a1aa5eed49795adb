"""Before a network has learnt, its vocabulary is not known: ids are taken and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlspec.cli.main import main

SPEC = """
data lines {
    file = csv("lines.csv")
    words = vocabulary(file.a, by = words, size = 8)
    output word: int[N, <=T] of words = file.a
}
network echo(words) {
    input word: int[N, <=T] of words
    output scores = word -> embed(words.size, 4) -> dense(words.size)
    output said: int[N, <=T] of words = argmax(scores)
}
recipe learn for echo(lines.words) on lines {
    minimize cross_entropy(scores, lines.word)
    optimizer = adam(0.01); epochs = 1
}
"""


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "echo.dl").write_text(SPEC)
    assert main(["compile", "echo.dl", "--no-torch", "--fast"]) == 0
    return "build/echo"


def test_ids_are_told(bundle: str, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert main(["predict", bundle, "word=[1, 2, 3]"]) == 0
    assert "said: [[" in capfd.readouterr().out
    assert main(["predict", bundle, "word=[1, 2, 3]", "--json"]) == 0
    assert '"texts"' not in capfd.readouterr().out


def test_a_text_waits_for_training(bundle: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", bundle, "to be or not"]) != 0
    said = capfd.readouterr().err
    assert "DL669" in said and "once it is trained" in said
