"""Learning from examples that differ in length: text to ids, batches of similar length, clipped
gradients, exact resume, and the same answers from the engine."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from dlspec.data import open_data
from dlspec.data.batches import bucketed_order
from dlspec.data.sequences import Sequences
from dlspec.data.vocabularies import fitted
from dlspec.diagnostics import DlspecError, Sink
from dlspec.diagnostics.data import StepsDiffer
from dlspec.ir.data_plan import VocabularyPlan
from dlspec.sema.analyse import Spec, analyse
from dlspec.source import SourceFile
from dlspec.text import SPECIAL, decoded, encoded, parts, pieces
from dlspec.train import TrainOptions, TrainResult, train

SPEC = """
data lines {
    file  = csv("lines.csv")
    words = vocabulary(file.words, by = words, size = 12)
    tags  = vocabulary(file.tags, by = words, size = 5)
    output word: int[N, <=T] of words = file.words
    output tag:  int[N, <=T] of tags  = file.tags
    split = random(80%, 10%, 10%)
}
network tagger(words, tags) {
    input word: int[N, <=T] of words
    scores = word -> embed(words.size, 6) -> bidirectional(gru(6)) -> dense(tags.size)
    output tag: int[N, <=T] of tags = argmax(scores)
}
recipe learn for tagger(lines.words, lines.tags) on lines {
    minimize cross_entropy(scores, lines.tag)
    optimizer = rmsprop(inverse_sqrt(0.02, warm_up = 10 steps)); clip = norm(1)
    batch = 16; epochs = 4
    metrics = accuracy(scores, lines.tag)
}
"""


def write_lines(folder: Path, rows: int = 240) -> None:
    """Words `a` to `h`; a word's tag depends on the one before it."""
    draw = random.Random(3)
    lines = ["words,tags"]
    for _ in range(rows):
        words = draw.choices("abcdefgh", k=draw.randint(1, 7))
        tags = ["X" if i and words[i - 1] < "d" else "Y" for i in range(len(words))]
        lines.append(f"{' '.join(words)},{' '.join(tags)}")
    (folder / "lines.csv").write_text("\n".join(lines) + "\n")


def spec_of(text: str) -> Spec:
    sink = Sink()
    spec = analyse(SourceFile("lines.dl", text), sink)
    assert not sink.errors, sink.errors
    return spec


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    write_lines(tmp_path)
    return spec_of(SPEC)


def learnt(
    spec: Spec, folder: Path, name: str, epochs: int, *, resume: bool = False
) -> TrainResult:
    recipe = spec.recipes["learn"]
    assert recipe.data is not None
    splits = open_data(recipe.data, folder=folder)
    options = TrainOptions(
        run_dir=folder / name,
        epochs=epochs,
        resume=resume,
        quiet=True,
        threads=1,
        matmul="highest",
    )
    return train(recipe, splits, options)


def test_it_learns_and_resumes_exactly(spec: Spec, tmp_path: Path) -> None:
    whole = learnt(spec, tmp_path, "whole", 4)
    learnt(spec, tmp_path, "parts", 2)
    parts = learnt(spec, tmp_path, "parts", 4, resume=True)
    assert parts.weight_hash == whole.weight_hash
    assert whole.history[-1]["validation.accuracy"] > 0.9


def test_metrics_are_means_over_steps(spec: Spec, tmp_path: Path) -> None:
    """However examples fall into batches, each step counts once."""
    from dataclasses import replace

    from dlspec.train.evaluation import evaluate
    from dlspec.train.program import by_network, initial

    recipe = spec.recipes["learn"]
    assert recipe.data is not None and recipe.steps[0].per["accuracy"] == "T_lengths"
    part = open_data(recipe.data, folder=tmp_path).train
    weights = by_network(recipe, initial(recipe, 0))
    told = [evaluate(replace(recipe, batch=n), weights, part, device="cpu") for n in (1, 7, 64)]
    for name, value in told[0].items():
        assert value == pytest.approx(told[1][name], rel=1e-5)
        assert value == pytest.approx(told[2][name], rel=1e-5)


def test_vocabulary_is_of_the_training_examples(spec: Spec, tmp_path: Path) -> None:
    recipe = spec.recipes["learn"]
    assert recipe.data is not None
    splits = open_data(recipe.data, folder=tmp_path)
    words = splits.vocabularies["lines.words"]
    assert words[:3] == SPECIAL and set(words[3:]) <= set("abcdefgh") and len(words) <= 12
    taken = splits.train.take(np.arange(5))
    assert taken["word"].shape == taken["tag"].shape == (5, int(taken["T_lengths"].max()))
    for row, length in enumerate(taken["T_lengths"]):
        assert not taken["word"][row, length:].any() and (taken["word"][row, :length] > 2).all()


def test_steps_that_differ_name_the_row(tmp_path: Path) -> None:
    write_lines(tmp_path, 20)
    with (tmp_path / "lines.csv").open("a") as file:
        file.write("a b c,X Y\n")
    recipe = spec_of(SPEC).recipes["learn"]
    assert recipe.data is not None
    with pytest.raises(DlspecError) as told:
        open_data(recipe.data, folder=tmp_path)
    (found,) = told.value.diagnostics
    assert isinstance(found, StepsDiffer) and (found.row, found.length, found.expected) == (
        20,
        2,
        3,
    )


@pytest.mark.parametrize("buckets", [1, 2, 5, 50])
def test_buckets_take_each_example_once(buckets: int) -> None:
    lengths = np.random.default_rng(1).integers(1, 90, 333).astype(np.int32)
    order = bucketed_order(lengths, 10, 4, 2, buckets)
    assert sorted(order) == list(range(333))
    assert (order == bucketed_order(lengths, 10, 4, 2, buckets)).all()
    assert (order != bucketed_order(lengths, 10, 4, 3, buckets)).any()
    spread = lengths[order[:330]].reshape(33, 10).astype(int)
    padded = (spread.max(1, keepdims=True) - spread).sum()
    if buckets > 1:
        plain = lengths[bucketed_order(lengths, 10, 4, 2, 1)[:330]].reshape(33, 10).astype(int)
        assert padded < (plain.max(1, keepdims=True) - plain).sum()


def test_trigrams_are_of_marked_words() -> None:
    assert pieces("cat a", "trigrams") == ["#ca", "cat", "at#", "#a#"]
    assert pieces(["cat", "a"], "trigrams") == pieces("cat a", "trigrams")
    assert parts("cat a", "trigrams") == ["cat", "a"] and parts("a b\nc", "words") == ["a b", "c"]


@pytest.mark.parametrize("by", ["words", "characters", "bytes"])
def test_text_comes_back(by: str) -> None:
    texts = ["to be or not", "or to be", "naïve 北京"]
    plan = VocabularyPlan("d.v", "text", by, 300)  # type: ignore[arg-type]
    words = fitted(plan, texts)
    ids = {w: i for i, w in enumerate(words)}
    for text in texts:
        coded = encoded(text, plan.by, ids, ending=True)
        assert coded[-1] == 2 and len(coded) == len(pieces(text, plan.by)) + 1
        assert decoded(coded, plan.by, words) == text
    assert encoded("zebra" if by == "words" else "§", plan.by, ids)[0] == (
        by == "bytes" and ids["c2"]
    )


HASHED = """
data lines {
    file  = csv("lines.csv")
    grams = vocabulary(file.words, by = trigrams, size = 60)
    tags  = vocabulary(file.tags, by = words, size = 5)
    output letters: int[N, <=T, <=W] of grams = file.words
    output tag: int[N, <=T] of tags = file.tags
    split = random(80%, 10%, 10%)
}
network tagger(grams, tags) {
    input letters: int[N, <=T, <=W] of grams
    scores = letters -> embed(grams.size, 6) -> sum(axis = W) -> dense(tags.size)
    output tag: int[N, <=T] of tags = argmax(scores)
}
recipe learn for tagger(lines.grams, lines.tags) on lines {
    minimize cross_entropy(scores, lines.tag)
    optimizer = adam(0.05); batch = 16; epochs = 8
    metrics = accuracy(scores, lines.tag)
}
"""


def test_words_by_their_letters(tmp_path: Path) -> None:
    """Letter trigrams tell what a word is that was never seen (Huang et al. 2013)."""
    draw = random.Random(5)
    stems = ["map", "oak", "elm", "pin", "ced", "wil", "ash", "bir"]
    lines = ["words,tags"]
    for row in range(200):
        # examples of the test end of the file have stems of their own
        words = [draw.choice(stems[: 6 + 2 * (row > 160)]) + draw.choice(["ing", "ed"])]
        words += [draw.choice(stems[:6]) + draw.choice(["ing", "ed"]) for _ in range(row % 4)]
        lines.append(f"{' '.join(words)},{' '.join('X' if 'ing' in w else 'Y' for w in words)}")
    (tmp_path / "lines.csv").write_text("\n".join(lines) + "\n")
    spec = spec_of(HASHED)
    plan = spec.recipes["learn"].data
    assert plan is not None
    splits = open_data(plan, folder=tmp_path)
    assert {"ing", "ng#", "#ma"} < set(splits.vocabularies["lines.grams"])
    taken = splits.train.take(np.arange(6))
    letters, steps, within = taken["letters"], taken["T_lengths"], taken["W_lengths"]
    assert letters.shape == (6, steps.max(), within.max()) and within.shape == (6, steps.max())
    for row in range(6):
        assert not within[row, steps[row] :].any() and (within[row, : steps[row]] > 3).all()
    result = learnt(spec, tmp_path, "hashed", 8)
    assert result.history[-1]["validation.accuracy"] == 1.0


def test_sequences_within_sequences() -> None:
    told = [[[1, 2], [3]], [], [[4, 5, 6]], [[], [7]]]
    column = Sequences.nested(told, np.int64)
    assert column.shape == (4, None, None) and len(column) == 4
    assert [column[0][i].tolist() for i in range(2)] == told[0]
    part = column[np.array([3, 0, 1])]
    found, lengths = part.padded(np.arange(3))
    assert found.tolist() == [[[0, 0], [7, 0]], [[1, 2], [3, 0]], [[0, 0], [0, 0]]]
    assert lengths.tolist() == [2, 2, 0]
    assert part.lengths_within(np.arange(3)).tolist() == [[0, 1], [2, 1], [0, 0]]
    assert part.store is column.store


def test_sequences_are_views() -> None:
    column = Sequences.of([[1, 2, 3], [4], [], [5, 6]], np.int64)
    assert column.shape == (4, None) and [len(column[i]) for i in range(4)] == [3, 1, 0, 2]
    part = column[np.array([3, 0])]
    found, lengths = part.padded(np.array([0, 1]))
    assert found.tolist() == [[5, 6, 0], [1, 2, 3]] and lengths.tolist() == [2, 3]
    assert part.values is column.values
