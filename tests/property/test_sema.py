"""Laws of meaning: no text escapes a diagnostic; names do not depend on other statements."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark

from dlspec.diagnostics import Sink
from dlspec.diagnostics.render import render
from dlspec.ir.printer import graph_text
from dlspec.ir.validate import validate
from dlspec.sema.analyse import Spec, analyse
from dlspec.source import SourceFile
from dlspec.syntax.build_table import load_grammar

ROOT = Path(__file__).parent.parent.parent
SPECS = sorted(
    [
        *ROOT.glob("specs/*.dl"),
        *ROOT.glob("tests/golden/specs/*.dl"),
        *ROOT.glob("tests/golden/sketches/*.dl"),
        *ROOT.glob("tests/golden/syntax/*.dl"),
    ]
)
NOTHING_ESCAPES = settings(deadline=None, suppress_health_check=list(HealthCheck))


def read(text: str) -> tuple[Spec, Sink]:
    """Analyse; whatever is told can be shown, and what is whole is valid."""
    sink = Sink()
    spec = analyse(SourceFile("drawn.dl", text), sink, folder=ROOT / "tests/golden/specs")
    for diagnostic in sink.diagnostics:
        assert render(diagnostic, colour=False)
    if not sink.errors:
        for network in spec.networks.values():
            validate(network.graph)
        for recipe in spec.recipes.values():
            for step in recipe.steps:
                validate(step.learn)
                validate(step.evaluate)
    return spec, sink


WORDS = [
    *[
        "x",
        "y",
        "h",
        "n",
        "N",
        "D",
        "T",
        "0",
        "1",
        "2",
        "3",
        "-1",
        "0.5",
        "1e9",
        "28",
        "true",
        "none",
        "learning",
        "training",
    ],
    *[
        "dense",
        "relu",
        "conv",
        "flatten",
        "softmax",
        "dropout",
        "max",
        "mean",
        "concat",
        "reshape",
        "argmax",
        "embed",
    ],
    *[
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        "@",
        "==",
        "<",
        "..",
        "->",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ";",
        "=",
        ":",
        "when",
        "for",
        "in",
        "if",
        "as",
        "over",
        "with",
    ],
    *[
        "input",
        "output",
        "noise",
        "param",
        "return",
        "minimize",
        "network",
        "block",
        "recipe",
        "data",
        "const",
        "check",
    ],
    *[
        "zeros",
        "ones",
        "normal",
        "vocabulary",
        "append",
        "zip",
        "length",
        "mnist",
        "adam",
        "sgd",
        "logits",
        "label",
        "image",
    ],
    "\n",
]
TOKEN = re.compile(r"[A-Za-z_]\w*'?|\d+(?:\.\d+)?%?|\"[^\"]*\"|->|\.\.\.?|//|\*\*|==|\s+|.", re.S)


def mutated(text: str, seed: int, changes: int) -> str:
    """The text with some tokens deleted, doubled, swapped or replaced."""
    rng = random.Random(seed)
    tokens = TOKEN.findall(text)
    words = [t for t in tokens if not t.isspace()] + WORDS
    for _ in range(changes):
        at = rng.randrange(len(tokens))
        what = rng.randrange(4)
        if what == 0:
            del tokens[at : at + rng.randint(1, 3)]
        elif what == 1:
            tokens[at] = f" {rng.choice(words)} "
        elif what == 2:
            tokens.insert(at, f" {rng.choice(words)} ")
        else:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        if not tokens:
            return ""
    return "".join(tokens)


@settings(NOTHING_ESCAPES, max_examples=250)
@given(st.sampled_from(SPECS), st.integers(0, 10**9), st.integers(1, 4))
def test_a_changed_spec_is_read_or_told(spec: Path, seed: int, changes: int) -> None:
    read(mutated(spec.read_text(encoding="utf-8"), seed, changes))


def test_a_mistake_before_a_missing_comma_is_told() -> None:
    """Found by changing specs: the repair of a mistake met another one."""
    _, sink = read("recipe r for n on mnist(validation = 5000\nminimize mean(y) with sgd(0.1)\n}\n")
    assert sink.errors


@pytest.mark.slow
@settings(NOTHING_ESCAPES, max_examples=5000)
@given(st.sampled_from(SPECS), st.integers(0, 10**9), st.integers(1, 12))
def test_many_changed_specs_are_read_or_told(spec: Path, seed: int, changes: int) -> None:
    read(mutated(spec.read_text(encoding="utf-8"), seed, changes))


OF_FILES = {
    "NETWORK",
    "BLOCK",
    "CELL",
    "DATA",
    "RECIPE",
    "ENGINE",
    "EXPERIMENT",
    "CHECK",
    "CONST",
    "IMPORT",
    "RUNS",
    "ON",
    "WITHIN",
}
"""Words that stand in no body."""


@cache
def bodies() -> st.SearchStrategy[str]:
    """Bodies of networks, drawn from the grammar with the words that mean something there."""
    lark = load_grammar()
    names = ["x", "y", "h", "N", "D", "k", "dense", "relu", "conv", "max", "mean", "concat", "f"]
    names += ["zeros", "reshape", "float", "int", "normal", "none", "learning", "flatten"]
    keywords = {
        t.name: st.just(f" {t.pattern.value} ")
        for t in lark.terminals
        if t.pattern.value.isidentifier() and t.name not in OF_FILES
    }
    explicit: dict[str, st.SearchStrategy[str]] = {
        **keywords,
        "NAME": st.sampled_from([f" {n} " for n in names]),
        "PRIMED": st.just(" h' "),
        "NUMBER": st.sampled_from([" 0 ", " 1 ", " 3 ", " 0.5 ", " 15% ", " 1000000 "]),
        "STRING": st.sampled_from(['"a.dl"', '"*.bias"']),
        "_NL": st.just("\n"),
        "TIMES": st.sampled_from([" * ", "//", " % ", "@"]),
        "COMPARE": st.sampled_from(["==", "<", ">="]),
        "SPACE": st.just(" "),
        "COMMENT": st.just(""),
        "CONTINUED": st.just(""),
    }
    return from_lark(lark, start="body", explicit=explicit)


FRAME = "block f(x; k = 2) {{ return x -> dense(k) }}\nnetwork n(k = 3) {}\n{} {} {}\n"


@settings(NOTHING_ESCAPES, max_examples=10)
@given(
    st.data(),
    st.sampled_from(["block g(x)", "recipe r for n on mnist()", "data d", "engine e for n"]),
)
def test_drawn_bodies_are_read_or_told(data: st.DataObject, head: str) -> None:
    body, other = data.draw(bodies()), data.draw(bodies())
    network = body.replace("{", "{ input x: float[N, 4]; output y = x\n", 1)
    read(FRAME.format(network, head, other, ""))


STATEMENTS = [
    "a = x -> dense(3) -> relu -> dense(4)",
    "for i in 1..3 { b = x -> dense(4) -> relu }",
    "tied = dense(4)",
    "c = x -> dropout(0.5) -> dense(4) as named",
    "d = x -> highway",
    "e = x -> dense(2)  when training",
    "if learning { g = x -> dense(5) }",
]


@settings(NOTHING_ESCAPES, max_examples=40)
@given(st.permutations(STATEMENTS), st.integers(0, len(STATEMENTS)))
def test_names_do_not_depend_on_other_statements(order: list[str], kept: int) -> None:
    body = "\n".join(order[:kept])
    outputs = "\n".join(
        f"output out_{name} = {name}"
        for name, start in {"a": "a =", "b": "for", "c": "c =", "d": "d ="}.items()
        if any(s.startswith(start) for s in order[:kept])
    )
    text = f"network n {{\ninput x: float[N, 4]\n{body}\noutput y = x -> dense(7)\n{outputs}\n}}\n"
    spec, sink = read(text)
    assert not sink.errors
    keys = {p.name for p in spec.networks["n"].graph.parameters}
    expected = {"y.dense"}
    for name, paths in {
        "a": ["a.dense", "a.dense2"],
        "b": ["b.3.dense"],
        "c": ["named"],
        "d": ["d.highway.t.dense", "d.highway.dense"],
    }.items():
        expected |= set(paths) if f"out_{name} " in outputs else set()
    assert keys == {f"{path}.{kind}" for path in expected for kind in ("weight", "bias")}


@pytest.mark.parametrize("spec", SPECS[:3], ids=lambda p: p.stem)
def test_a_graph_depends_on_the_text_alone(spec: Path) -> None:
    text = spec.read_text(encoding="utf-8")
    one, _ = read(text)
    two, _ = read(f"\n\n# moved down\n{text}")
    for name, network in one.networks.items():
        shown, again = graph_text(network.graph), graph_text(two.networks[name].graph)
        assert re.sub(r"#.*", "", shown) == re.sub(r"#.*", "", again)
