"""What `dlspec data show` says of examples that differ in length."""

from __future__ import annotations

from pathlib import Path

from dlspec.cli.main import main

SPEC = """
data d {
    file = csv("lines.csv")
    words = vocabulary(file.words, by = words, size = 6)
    letters = vocabulary(file.words, by = characters, size = 12)
    output word: int[N, <=T] of words = file.words
    output spelt: int[N, <=T, <=W] of letters = file.words
    output tag: int[N, <=L] of letters = ending(file.words)
    split = random(50%, 50%)
}
network n(words) {
    input word: int[N, <=T] of words
    output y = mean(word -> embed(words.size, 4), axis = T)
}
recipe learn for n(d.words) on d { minimize mean(y ** 2) with sgd(0.1) }
"""


def test_texts_are_shown(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    rows = ["the cat", "a cat sat", "the the cat", "the end"]
    (tmp_path / "lines.csv").write_text("words\n" + "\n".join(rows * 4) + "\n")
    (tmp_path / "lines.dl").write_text(SPEC)
    assert main(["data", "show", str(tmp_path / "lines.dl")]) == 0
    shown = capsys.readouterr().out
    assert "train 8  validation 8" in shown and "2 to 3 steps; 6 words" in shown
    assert "unknown" in shown
    examples = [x.split("  ", 1)[1].strip() for x in shown.splitlines() if x.startswith("spelt  ")][
        1:
    ]
    assert len(examples) == 4 and {e.replace(" | ", " ") for e in examples} <= set(rows)
    assert max(len(line) for line in shown.splitlines()[1:]) <= 80
