"""Figures of texts are those of the whole data set, however examples fall into batches: against
plain Python on texts that the network itself said."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlspec.data import open_data
from dlspec.data.dataset import Dataset
from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.figures import Tally, falls, figure_text, panels
from dlspec.ir.plan import RecipePlan
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.train import TrainOptions, train
from dlspec.train.evaluation import evaluate
from dlspec.train.program import by_network, initial
from tests.ops.test_edit_distance import levenshtein, runs
from tests.train.test_sequences import spec_of

DATA = """
data pairs {
    file    = csv("pairs.csv")
    letters = vocabulary(file.a, by = words, size = 12)
    output a: int[N, <=S] of letters = file.a
    output b: int[N, <=T] of letters = {b}
    split = random(80%, 10%, 10%)
}
"""
COPY = (
    DATA
    + """
network copies(letters) {
    input a: int[N, <=S] of letters
    scores = a -> embed(letters.size, 4) -> dense(letters.size)
    output said: int[N, <=S] of letters = a
}
recipe learn for copies(pairs.letters) on pairs {
    minimize cross_entropy(scores, pairs.a) with adam(0.01)
    metrics = error_rate(said, b), exact(said, b), bleu(said, b), perplexity(scores, a)
}
"""
)
SPEAK = (
    DATA
    + """
cell teller(letters) {
    input letter: int[N]
    h = letter -> embed(letters, 8) -> gru(24)
    output scores = h -> dropout(0.1) -> dense(letters)
}
network speak(letters) {
    input a: int[N, <=S] of letters
    input b: int[N, <=T] of letters  when training
    heard  = a -> embed(letters.size, 8) -> scan(gru(24), reverse = true)
    tell   = teller(letters.size)
    scores = scan(tell, letter = shift(b, letters.start), gru = heard.final).scores when training
    ends   = heard.final
    made   = generate(tell, gru = ends, start = letters.start, stop = letters.stop, at_most = 9)
    output said: int[N, <=L] of letters = made.letter
}
recipe learn for speak(pairs.letters) on pairs {
    minimize cross_entropy(scores, pairs.b)
    optimizer = adam(0.02); batch = 16; epochs = 3
    metrics = error_rate(said, b), exact(said, b), bleu(said, b), perplexity(scores, pairs.b)
    stop = early(patience = 9, watch = validation.error_rate)
}
"""
)
HEAR = (
    DATA
    + """
network hear(letters) {
    input a: int[N, <=S] of letters
    scores = a -> embed(letters.size, 8) -> scan(gru(12)) -> dense(letters.size + 1)
    output said: int[N, <=L] of letters = scores -> ctc_decode(beam = 3)
}
recipe learn for hear(pairs.letters) on pairs {
    minimize ctc(scores, pairs.b)
    optimizer = adam(0.03); batch = 16; epochs = 3
    metrics = error_rate(said, b), exact(said, b), bleu(said, b), error_rate(ctc_decode(scores), b)
}
"""
)


def write_pairs(folder: Path, shorter: bool) -> None:
    """Texts, and what they should be: some symbols are other ones, some are left out."""
    draw = random.Random(5)
    lines = ["a,b"]
    for _ in range(150):
        a = draw.choices("abcd", k=draw.randint(1, 9))
        b = [draw.choice("abcd") if draw.random() < 0.15 else s for s in a if draw.random() < 0.9]
        b = b or ["a"]
        lines.append(f"{' '.join(a)},{' '.join(b[: max(1, len(a) // 2)] if shorter else b)}")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")


def recipe_of(text: str, folder: Path, *, ending: bool) -> tuple[RecipePlan, Dataset]:
    """The recipe and its training examples."""
    write_pairs(folder, not ending)
    spec = spec_of(text.replace("{b}", "ending(file.b)" if ending else "file.b"))
    recipe = spec.recipes["learn"]
    assert recipe.data is not None
    return recipe, open_data(recipe.data, folder=folder).train


Text = tuple[int, ...]


def rows(table: Any, lengths: Any, less: int = 0) -> list[Text]:
    return [tuple(map(int, r[: n - less])) for r, n in zip(table, lengths, strict=True)]


def bleu(said: Sequence[Text], meant: Sequence[Text]) -> float:
    """As Papineni et al. write it, of counters."""
    sums = np.sum([runs(a, b) for a, b in zip(said, meant, strict=True)], 0)
    if not all(sums[:4]):
        return 0.0
    shares = [sums[n] / sums[4 + n] for n in range(4)]
    penalty = 1.0 if sums[8] > sums[9] else math.exp(1 - sums[9] / sums[8])
    return penalty * math.prod(shares) ** 0.25


def expected(said: Sequence[Text], meant: Sequence[Text]) -> dict[str, float]:
    pairs = list(zip(said, meant, strict=True))
    return {
        "error_rate": sum(levenshtein(a, b) for a, b in pairs) / sum(len(b) for b in meant),
        "exact": sum(a == b for a, b in pairs) / len(pairs),
        "bleu": bleu(said, meant),
    }


def said_by(recipe: RecipePlan, weights: Any, examples: Dataset) -> list[Text]:
    """What the network says, by its meaning in NumPy."""
    ((name, plan),) = recipe.networks.items()
    part = examples.take(np.arange(len(examples)))
    made = run(plan.graph, {i.name: part[i.name] for i in plan.graph.inputs}, weights[name])
    lengths = made.outputs.get("L_lengths")
    return rows(made.outputs["said"], part["S_lengths"] if lengths is None else lengths)


def measured(recipe: RecipePlan, weights: Any, examples: Dataset) -> dict[str, float]:
    """The figures, which are the same in batches of any size."""
    told = [
        evaluate(replace(recipe, batch=n), weights, examples, device="cpu", threads=1)
        for n in (1, 7, 64)
    ]
    for name, value in told[0].items():
        assert told[1][name] == pytest.approx(value, rel=1e-5), name
        assert told[2][name] == pytest.approx(value, rel=1e-5), name
    return told[0]


@pytest.mark.parametrize("ending", [False, True])
def test_each_figure_is_of_the_whole_set(ending: bool, tmp_path: Path) -> None:
    recipe, examples = recipe_of(COPY, tmp_path, ending=ending)
    told = measured(recipe, by_network(recipe, initial(recipe, 0)), examples)
    part = examples.take(np.arange(len(examples)))
    said = rows(part["a"], part["S_lengths"])
    meant = rows(part["b"], part["T_lengths"], int(ending))
    for name, value in expected(said, meant).items():
        assert told[name] == pytest.approx(value, rel=1e-6), name
        assert ending is False or 0 < value < 1
    assert told["perplexity"] == pytest.approx(math.exp(told["loss"]), rel=1e-6)


@pytest.mark.parametrize(("text", "ending"), [(SPEAK, True), (HEAR, False)])
def test_what_networks_say_is_measured(text: str, ending: bool, tmp_path: Path) -> None:
    recipe, examples = recipe_of(text, tmp_path, ending=ending)
    assert recipe.data is not None
    splits = open_data(recipe.data, folder=tmp_path)
    options = TrainOptions(run_dir=tmp_path / "run", quiet=True, threads=1, matmul="highest")
    weights = train(recipe, splits, options).weights
    told = measured(recipe, weights, examples)
    part = examples.take(np.arange(len(examples)))
    meant = rows(part["b"], part["T_lengths"], int(ending))
    for name, value in expected(said_by(recipe, weights, examples), meant).items():
        assert told[name] == pytest.approx(value, rel=1e-5, abs=1e-9), name
    assert told["error_rate"] > 0


def test_resume_goes_on_exactly(tmp_path: Path) -> None:
    recipe, _ = recipe_of(SPEAK, tmp_path, ending=True)
    assert recipe.data is not None and recipe.stop is not None and recipe.stop.mode == "min"
    splits = open_data(recipe.data, folder=tmp_path)

    def told(name: str, epochs: int, resume: bool) -> Any:
        options = TrainOptions(
            run_dir=tmp_path / name,
            epochs=epochs,
            resume=resume,
            quiet=True,
            threads=1,
            matmul="highest",
        )
        return train(recipe, splits, options)

    whole = told("whole", 2, False)
    told("parts", 1, False)
    parts = told("parts", 2, True)
    assert parts.weight_hash == whole.weight_hash
    own = ("seconds", "samples_per_s")
    assert [{k: v for k, v in r.items() if k not in own} for r in parts.history] == [
        {k: v for k, v in r.items() if k not in own} for r in whole.history
    ]


def test_bleu_by_hand() -> None:
    """Five of six words, three of five pairs, one of four threes, none of three fours: 0. Of a text
    that is its reference without the last of eight words, all runs are right, and short."""

    def figure(said: str, meant: str) -> float:
        tally = Tally("bleu")
        tally.add(np.array(runs(said.split(), meant.split())), 1)
        return tally.value

    # Papineni et al. 2002: the clipped share of `the` is 2 of 7
    assert runs(["the"] * 7, ["the", "cat", "is", "on", "the", "mat"])[0] == 2
    assert figure("a b c d e f", "a b c x e f") == 0.0
    assert figure("a b c d e f g", "a b c d e f g h") == pytest.approx(math.exp(1 - 8 / 7))
    assert figure("a b c d e f g h", "a b c d e f g h") == 1.0
    # 7/8, 6/7, 5/6, 4/5 are right: the last word is wrong; 0.5 ** 0.25
    assert figure("a b c d e f g x", "a b c d e f g h") == pytest.approx(0.5**0.25)
    assert figure_text("test.bleu", 0.3121) == "31.2"


def test_how_figures_are_read() -> None:
    assert [
        n for n in ("loss", "error_rate", "perplexity", "mse", "edit_distance") if falls(n)
    ] == [
        "loss",
        "error_rate",
        "perplexity",
        "mse",
        "edit_distance",
    ]
    assert not any(falls(f"validation.{n}") for n in ("accuracy", "exact", "bleu", "iou"))
    assert figure_text("test.error_rate", 1.234) == "123.40 %"
    assert figure_text("exact2", 0.5) == "50.00 %"
    assert figure_text("perplexity", 12.3456) == "12.3"
    assert figure_text("perplexity", 12345.6) == "12,346"


@pytest.mark.parametrize(
    ("metric", "code", "says"),
    [
        ("error_rate(scores, pairs.b)", "DL303", "`error_rate` cannot take float32"),
        ("perplexity(said, pairs.b)", "DL303", "`perplexity` cannot take int64"),
        ("bleu(said)", "DL206", "`bleu` needs `reference`"),
        ("bleu(said, pairs.b, 4)", "DL207", "too many arguments for `bleu`"),
        ("exact(said, refrence = pairs.b)", "DL205", "no setting `refrence`"),
        ("1 - error_rate(said, pairs.b)", "DL474", "a figure of a whole data set"),
        ("error_rate(sum(said, axis = 1), pairs.b)", "DL301", "`error_rate` cannot take"),
    ],
)
def test_mistakes_are_told(metric: str, code: str, says: str) -> None:
    text = COPY.replace("{b}", "ending(file.b)")
    before, _, rest = text.partition("metrics = ")
    sink = Sink()
    analyse(SourceFile("m.dl", f"{before}metrics = {metric}\n}}\n"), sink)
    assert rest and [d.code for d in sink.errors] == [code]
    assert says in sink.errors[0].message


def test_what_is_drawn_on_one_scale() -> None:
    names = ["train.loss", "validation.error_rate", "validation.perplexity", "validation.bleu"]
    assert panels(names) == [
        ("loss", ["train.loss"]),
        ("metrics", ["validation.error_rate", "validation.bleu"]),
        ("perplexity", ["validation.perplexity"]),
    ]
