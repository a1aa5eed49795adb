"""A spec from a stranger ends in a clear message, soon and in little memory."""

from __future__ import annotations

import tracemalloc

import pytest

from dlspec.diagnostics import Sink
from dlspec.diagnostics.render import render
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from tests.patience import calls


def network(body: str, input_type: str = "float[N, 4]") -> str:
    return f"network n {{ input x: {input_type}\n {body}\n }}\n"


HARMFUL = {
    "endless recursion": (
        "DL440",
        "block f(x; n) { return x -> f(n + 1) }\n" + network("output y = x -> f(1)"),
    ),
    "doubling recursion of nothing": (
        "DL441",
        "block f(x; n) { if n == 0 { return x }\n return x -> f(n - 1) -> f(n - 1) }\n"
        + network("output y = x -> f(60)"),
    ),
    "doubling recursion of nodes": (
        "DL441",
        "block f(x; n) { if n == 0 { return x -> relu }\n return x -> f(n - 1) -> f(n - 1) }\n"
        + network("output y = x -> f(40)"),
    ),
    "two endless branches": (
        "DL440",
        "block f(x) { a = f(x)\n b = f(x)\n return a + b }\n" + network("output y = f(x)"),
    ),
    "rounds": ("DL441", network("h = x\n for i in 1..1000000000 { h = h + 1 }\n output y = h")),
    "loop in a loop": (
        "DL441",
        network("h = x\n for i in 1..9000 { for j in 1..9000 { h = j } }\n output y = h"),
    ),
    "tower of powers": ("DL441", "const a = 9 ** 9 ** 9\n"),
    "long number": ("DL118", f"const a = {'9' * 4000}\n"),
    "list doubled": ("DL441", network("a = [0]\n for i in 1..60 { a = a + a }\n output y = x")),
    "list of itself twice": (
        "DL211",
        network("a = [0]\n for i in 1..60 { a = [a, a] }\n output y = x + a"),
    ),
    "list in a list": (
        "DL211",
        network("a = [0]\n for i in 1..9000 { a = [a] }\n output y = x + a"),
    ),
    "appended": (
        "DL441",
        network("a = []\n for i in 1..19000 { a = append(a, i) }\n output y = x"),
    ),
    "arrays": (
        "DL441",
        network("a = []\n for i in 1..9000 { a = append(a, ones(1000, 1000)) }\n output y = x"),
    ),
    "one array in many places": (
        "DL441",
        network(
            "h = x\n a = ones(1000, 1000)\n for i in 1..9000 { h = h + a }\n output y = h",
            "float[N, 1, 1000]",
        ),
    ),
    "huge array": ("DL443", network("output y = x + zeros(1000000, 1000000)")),
    "product of sizes": (
        "DL441",
        network("d = D + E + 1\n for i in 1..30 { d = d * d }\n output y = x", "float[N, D, E]"),
    ),
    "axis doubled": (
        "DL441",
        network("h = x\n for i in 1..9000 { h = concat(h, h) }\n output y = h"),
    ),
    "parameter": ("DL441", network("param p: float[1000000, 1000000]\n output y = x + p")),
    "units": ("DL441", network("output y = x -> dense(1000000000000)")),
    "many mistakes": (
        "DL450",
        network("\n".join(f"h{i} = x -> dens(4)" for i in range(5000)) + "\noutput y = x"),
    ),
    "the same mistake in each round": (
        "DL441",
        network("for i in 1..19000 { h = x -> dens(i) }\n output y = x"),
    ),
    "constants in a circle": ("DL443", "const a = b\nconst b = a\n"),
    "constants in a row": (
        "DL441",
        "".join(f"const c{i} = c{i + 1}\n" for i in range(3000)) + "const c3000 = 1\n",
    ),
    "network in itself": ("DL440", network("output y = n(x)")),
    "vocabulary": ("DL443", "const v = vocabulary(1..100000000)\n"),
    "range": ("DL441", "const a = 1..100000000000\n"),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_ends_soon_with_a_message(name: str) -> None:
    code, text = HARMFUL[name]
    sink = Sink()
    work = calls(lambda: analyse(SourceFile("stranger.dl", text), sink))
    assert work < 10_000_000  # some seconds; the longest takes 2.7 million
    assert code in [d.code for d in sink.errors]
    assert all(render(d, colour=False) for d in sink.diagnostics[:5])


@pytest.mark.parametrize("name", ["arrays", "one array in many places", "appended", "list doubled"])
def test_takes_little_memory(name: str) -> None:
    tracemalloc.start()
    try:
        analyse(SourceFile("stranger.dl", HARMFUL[name][1]), Sink())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200e6
