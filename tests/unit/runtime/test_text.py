"""Texts and lists of different lengths go in, and come out, through a real bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dlspec
from dlspec.diagnostics import DlspecError
from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.driver.emission import words_of
from dlspec.randomness import initial_weights
from dlspec.runtime.model import Model, UntrainedWarning
from dlspec.source import SourceFile
from dlspec.text import SPECIAL

SPEC = """
data lines {
    file  = csv("lines.csv")
    words = vocabulary(file.a, by = words, size = 8)
    tags  = vocabulary(file.b, by = characters, size = 6)
    output word: int[N, <=T] of words = file.a
    output tag:  int[N, <=T] of tags  = file.b
}
network tagger(words, tags) {
    input word: int[N, <=T] of words
    output scores = word -> embed(words.size, 4) -> scan(gru(5)) -> dense(tags.size)
    output tag: int[N, <=T] of tags = argmax(scores)
    output mean = mean(scores, axis = T)
}
recipe learn for tagger(lines.words, lines.tags) on lines {
    minimize cross_entropy(scores, lines.tag)
    optimizer = adam(0.01)
}
"""
WORDS = {
    "lines.words": (*SPECIAL, "to", "be", "or", "not"),
    "lines.tags": (*SPECIAL, "x", "y", "z"),
}


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("text")
    source = SourceFile("tagger.dl", SPEC)
    plan = Compilation(source, folder).spec.networks["tagger"]
    options = BuildOptions(folder / "build", use_torch=False)
    weights = initial_weights(plan.graph, 0)
    built = build_network(plan, weights, source, options, words=WORDS)
    assert words_of(plan.graph, built.manifest) == WORDS
    with pytest.warns(UntrainedWarning):
        return dlspec.load(built.folder)


def test_texts_go_in_and_come_out(tagger: Model) -> None:
    answer = tagger(word=["to be or not", "not", "to zebra"])
    assert [len(row) for row in answer.rows("scores")] == [4, 1, 2]
    assert [len(row) for row in answer.names("tag")] == [4, 1, 2]
    assert all(isinstance(text, str) for text in answer.text("tag"))
    assert not answer["scores"][1, 1:].any()


def test_an_example_has_one_answer_however_it_is_given(tagger: Model) -> None:
    together = tagger(word=["to be or not", "not be"])
    ids = tagger(word=[[3, 4, 5, 6], [6, 4]])
    alone = tagger(word="not be")
    full = tagger(word=np.array([[3, 4, 5, 6], [6, 4, 9, 9]])[:1])
    for name in ("scores", "mean"):
        np.testing.assert_array_equal(together[name], ids[name])
        np.testing.assert_allclose(together.rows(name)[1], alone.rows(name)[0], atol=1e-6)
        np.testing.assert_allclose(together.rows(name)[0], full.rows(name)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (3, "DL669"),
        ([3, 4], "DL669"),
        ([[1.5]], "DL662"),
        ([["to", 4]], None),
        ({"a": 1}, "DL669"),
        ([[77]], "DL663"),
        ([], "DL664"),
    ],
)
def test_what_is_no_list_of_examples_is_told(
    tagger: Model, given: object, code: str | None
) -> None:
    if code is None:
        assert len(tagger(word=given).names("tag")[0]) == 2  # pieces as they stand
        return
    with pytest.raises(DlspecError) as told:
        tagger(word=given)
    assert told.value.diagnostics[0].code.startswith("DL66"), told.value


def test_an_output_without_a_vocabulary_has_no_text(tagger: Model) -> None:
    answer = tagger(word="to be")
    with pytest.raises(DlspecError) as told:
        answer.text("scores")
    assert told.value.diagnostics[0].code == "DL672"
    assert answer.rows("mean")[0].shape == (6,)


HASHED = """
data lines {
    file  = csv("lines.csv")
    grams = vocabulary(file.a, by = trigrams, size = 12)
    output letters: int[N, <=T, <=W] of grams = file.a
}
network reader(grams) {
    input letters: int[N, <=T, <=W] of grams
    output seen = letters -> embed(grams.size, 4) -> sum(axis = W)
    output middle = mean(seen, axis = T)
}
recipe learn for reader(lines.grams) on lines { minimize mean(seen ** 2) with sgd(0.1) }
"""
GRAMS = {"lines.grams": (*SPECIAL, "#ca", "cat", "at#", "#a#", "#do", "dog", "og#")}


def test_words_go_in_by_their_letters(tmp_path: Path) -> None:
    """A text with lengths within lengths: its words, and the letter trigrams of each."""
    source = SourceFile("reader.dl", HASHED)
    plan = Compilation(source, tmp_path).spec.networks["reader"]
    options = BuildOptions(tmp_path / "build", use_torch=False)
    built = build_network(plan, initial_weights(plan.graph, 0), source, options, words=GRAMS)
    with pytest.warns(UntrainedWarning):
        reader = dlspec.load(built.folder)
    answer = reader(letters=["cat a dog", "dog", "zebra cat"])
    assert [len(r) for r in answer.rows("seen")] == [3, 1, 2]
    ids = reader(letters=[[[3, 4, 5], [6], [7, 8, 9]], [[7, 8, 9]], [[0] * 5, [3, 4, 5]]])
    listed = reader(letters=[["cat", "a", "dog"], ["dog"], ["zebra", "cat"]])
    alone = reader(letters="dog")
    for name in ("seen", "middle"):
        np.testing.assert_array_equal(answer[name], ids[name])
        np.testing.assert_array_equal(answer[name], listed[name])
        np.testing.assert_allclose(alone.rows(name)[0], answer.rows(name)[1], atol=1e-6)
    for wrong in (3, [3], [["cat", 3]]):
        with pytest.raises(DlspecError):
            reader(letters=wrong)


def test_texts_are_told_as_such(tagger: Model) -> None:
    assert tagger.describe().splitlines()[1:6] == [
        "  takes   word: text[N] of 4 words, or their ids, int64[N, T]",
        "  takes   T_lengths: int32[N], optional",
        "  answers scores: float32[N, T, 6]",
        "  answers tag: text[N] of 3 characters, or their ids, int64[N, T]",
        "  answers mean: float32[N, 6]",
    ]
