"""`edit_distance` is Levenshtein's, and runs in common are those of counters: in NumPy, PyTorch and
ONNX Runtime, whatever stands behind a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.interpreter import run
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ops import REGISTRY
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import load_module, module_source

EditDistance: Any = REGISTRY["edit_distance"]
NgramMatches: Any = REGISTRY["ngram_matches"]
Text = Sequence[int]
texts = st.lists(st.tuples(*[st.lists(st.integers(0, 3), max_size=9)] * 2), min_size=1, max_size=5)


def levenshtein(a: Text, b: Text) -> int:
    """As its definition says, by recursion."""

    @cache
    def d(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        changed = d(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(d(i - 1, j) + 1, d(i, j - 1) + 1, changed)

    return d(len(a), len(b))


def runs(a: Text, b: Text) -> list[int]:
    """Right runs of 1 to 4, all runs, and lengths, by counters."""

    def counted(text: Text, n: int) -> Counter[tuple[int, ...]]:
        return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))

    right = [(counted(a, n) & counted(b, n)).total() for n in (1, 2, 3, 4)]
    return [*right, *(counted(a, n).total() for n in (1, 2, 3, 4)), len(a), len(b)]


def padded(rows: Sequence[Text], behind: int, more: int = 2) -> tuple[Any, Any]:
    """Ids with garbage behind each text, and lengths."""
    size = max(len(row) for row in rows) + more
    table = np.full((len(rows), size), behind, np.int64)
    for place, row in zip(table, rows, strict=True):
        place[: len(row)] = row
    return table, np.array([len(row) for row in rows], np.int32)


def graph_of(op: Any) -> Graph:
    b = GraphBuilder("n")
    a, c = b.input("a", "int", "N", "A"), b.input("b", "int", "N", "B")
    lengths = (b.input("a_lengths", "int32", "N"), b.input("b_lengths", "int32", "N"))
    b.output("y", b.one(op, a, c, *lengths, path="y"))
    return b.graph


@pytest.fixture(scope="module", params=["edit_distance", "ngram_matches"])
def sides(request: Any, tmp_path_factory: Any) -> tuple[Any, Any, Any, Graph]:
    """What is meant, the op, an ONNX Runtime session and the module, of each op."""
    import onnxruntime as ort

    edits = request.param == "edit_distance"
    op = EditDistance() if edits else NgramMatches()
    graph = graph_of(op)
    folder: Path = tmp_path_factory.mktemp("sides")
    module: Any = load_module(module_source("n", {"forward": graph}), folder / "n.py")()
    session = ort.InferenceSession(onnx_from_graph(graph, {}).SerializeToString())
    return (levenshtein if edits else runs), session, module, graph


@settings(max_examples=120, deadline=None)
@given(texts, st.sampled_from([0, 1, -1, 2**40]))
def test_it_is_what_plain_python_says(
    sides: tuple[Any, Any, Any, Graph], rows: list[tuple[list[int], list[int]]], behind: int
) -> None:
    meant, session, module, graph = sides
    expected = [meant(tuple(a), tuple(b)) for a, b in rows]
    a, n = padded([a for a, _ in rows], behind)
    b, m = padded([b for _, b in rows], behind)
    feeds = {"a": a, "b": b, "a_lengths": n, "b_lengths": m}
    np.testing.assert_array_equal(run(graph, feeds, {}).outputs["y"], expected)
    np.testing.assert_array_equal(session.run(None, feeds)[0], expected)
    told = module(*(torch.from_numpy(v) for v in feeds.values()))
    np.testing.assert_array_equal(told.numpy(), expected)


def test_by_hand() -> None:
    """`kitten` to `sitting` is three edits; `the the the` against `the cat` is one right word."""
    kitten, sitting = ([ord(c) for c in word] for word in ("kitten", "sitting"))
    assert EditDistance().reference(np.array([kitten]), np.array([sitting])).tolist() == [3]
    told = NgramMatches().reference(np.array([[1, 1, 1]]), np.array([[1, 2]]))
    assert told.tolist() == [[1, 0, 0, 0, 3, 2, 1, 0, 3, 2]]


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8])
def test_ids_of_different_sizes_are_compared(kind: Any) -> None:
    b = GraphBuilder("n")
    pair = (b.input("a", "int64", "N", 3), b.input("b", np.dtype(kind).name, "N", 2))
    b.output("y", b.one(EditDistance(), *pair, path="y"))
    feeds = {"a": np.array([[1, 2, 3]]), "b": np.array([[1, 3]], kind)}
    assert run(b.graph, feeds, {}).outputs["y"].tolist() == [1]
