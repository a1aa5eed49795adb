"""Windows are trained on batches of examples that are all shorter than they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlspec
from dlspec.cli.main import main
from dlspec.data.sequences import Sequences
from dlspec.diagnostics import Sink
from dlspec.ir.least import rooms
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

SPEC = """
data reviews {
    file  = csv("reviews.csv")
    words = vocabulary(file.text, by = words, size = 8)
    signs = vocabulary(file.text, by = characters, size = 16)
    marks = vocabulary(file.label, by = words, size = 5)
    output text: int[N, <=T] of words = file.text
    output letters: int[N, <=T, <=W] of signs = file.text
    output label: int[N] of marks = file.label
    split = random(80%, 10%, 10%)
}
network judge(words, signs, marks) {
    input text: int[N, <=T] of words
    input letters: int[N, <=T, <=W] of signs
    spelt = letters -> embed(signs.size, 4) -> each(ends)
    seen = concat(text -> embed(words.size, 8), spelt) -> transpose(1, 2)
        -> conv(16, kernel = 4) -> relu
    output scores = seen -> mean(axis = -1) -> dense(marks.size)
    output label: int[N] of marks = argmax(scores)
}
block ends(x: float[N, <=W, D]) {
    return x -> transpose(1, 2) -> conv(4, kernel = 5) -> mean(axis = -1)
}
recipe learn for judge(reviews.words, reviews.signs, reviews.marks) on reviews {
    minimize cross_entropy(scores, reviews.label)
    optimizer = adam(0.01); batch = 16; epochs = 2; buckets = 4
    metrics = accuracy(scores, reviews.label)
}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Reviews of one to six short words: whole buckets have one or two."""
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    lines = ["text,label"]
    for _ in range(240):
        words = draw.choice(["good", "bad", "so", "very"], draw.choice([1, 1, 2, 6]))
        lines.append(f"{' '.join(words)},{'yes' if 'good' in words else 'no'}")
    (tmp_path / "reviews.csv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "judge.dl"
    path.write_text(SPEC)
    return path


def test_all_the_way(spec: Path) -> None:
    assert main(["train", str(spec)]) == 0
    judge = dlspec.load("build/judge")
    assert judge.manifest.least == {"T": 4, "W": 5}
    alone = judge(text=["good"], letters=["good"])["scores"]
    beside = judge(text=["good", "so so so bad bad"], letters=["good", "so so so bad bad"])
    np.testing.assert_allclose(alone[0], beside["scores"][0], atol=1e-6)


def test_the_rooms_of_a_graph(spec: Path) -> None:
    found = analyse(SourceFile("judge.dl", SPEC), Sink(), folder=spec.parent)
    (recipe,) = found.recipes.values()
    graph = recipe.steps[0].learn
    assert {n: r for n, r in rooms(graph).items() if "lengths" not in n} == {
        "text": (4, 1),
        "letters": (4, 5),
    }


NESTED = st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=5)


@given(NESTED, st.integers(1, 6), st.integers(1, 6))
def test_what_is_filled_up_is_nothing(counts: list[list[int]], steps: int, within: int) -> None:
    column = Sequences.nested(([np.arange(1, n + 1) for n in row] for row in counts), np.int64)
    rows = np.arange(len(counts))
    plain, lengths = column.padded(rows)
    roomy, same = column.padded(rows, (steps, within))
    np.testing.assert_array_equal(lengths, same)
    assert roomy.shape[1] == max(plain.shape[1], steps)
    assert roomy.shape[2] >= max(plain.shape[2], within)
    np.testing.assert_array_equal(roomy[:, : plain.shape[1], : plain.shape[2]], plain)
    assert roomy.sum() == plain.sum()
    inner = column.lengths_within(rows, (steps, within))
    assert inner.shape == roomy.shape[:2]
    assert inner.sum() == sum(map(sum, counts))
