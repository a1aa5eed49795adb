"""Padding never leaks: whatever lies behind the lengths, results are the same, or an op refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from dlspec.diagnostics import Sink
from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ops import REGISTRY
from dlspec.ops.base import Op
from dlspec.passes.pipeline import optimized
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import Spec, analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.inputs import draw_inputs

Array = NDArray[Any]
ROOT = Path(__file__).resolve().parents[2]
LENGTHS = np.array([3, 1, 4, 2], np.int32)
FULL = 4


def graph_of(text: str) -> Graph | list[str]:
    """The optimised graph of the only network, or the codes of what is wrong."""
    sink = Sink()
    spec = analyse(SourceFile("padding.dl", text), sink)
    if sink.errors:
        return [d.code for d in sink.errors]
    return optimized(next(iter(spec.networks.values())).graph)


def feeds(graph: Graph, spoil: float) -> dict[str, Array]:
    """Inputs with ``spoil`` behind the lengths (a far number in integers)."""
    rng = np.random.default_rng(5)
    sizes = dict.fromkeys(graph.symbols, FULL) | {"N": len(LENGTHS)}
    found: dict[str, Array] = {}
    for value in graph.inputs:
        shape = tuple(d.evaluate(sizes) for d in value.type.shape)
        dtype = value.type.dtype
        if value.origin == "lengths":
            found[value.name] = LENGTHS
            continue
        if dtype.value == "bool":
            array = rng.random(shape) < 0.5
        elif dtype.is_integer:
            array = rng.integers(0, 3, shape)
        else:
            array = 0.25 + rng.random(shape)
        array = array.astype(dtype.value)
        if 1 in value.type.ragged:
            behind = np.arange(FULL) >= LENGTHS[:, None]
            array[behind] = spoil if dtype.is_float else dtype.value != "uint8" and 10**6
        found[value.name] = array
    return found


def assert_rows_alone(graph: Graph, weights: dict[str, Array], clean: dict[str, Array]) -> None:
    """Each example in its batch has the answer that it has alone, without any padding."""
    whole = feeds(graph, 0.0)
    for row, length in enumerate(LENGTHS):
        alone: dict[str, Array] = {}
        for value in graph.inputs:
            one = whole[value.name][row : row + 1]
            alone[value.name] = one[:, :length] if 1 in value.type.ragged else one
        for output in graph.outputs:
            if str(output.value.type.shape[0] if output.value.type.rank else "") != "N":
                continue
            got, told = clean[output.name][row], run(graph, alone, weights).outputs[output.name][0]
            cut = tuple(slice(0, n) for n in told.shape)
            np.testing.assert_allclose(got[cut], told, rtol=1e-9, atol=1e-9, err_msg=output.name)


def assert_safe(graph: Graph, *, engine: bool, rows: bool = True) -> None:
    """The outputs do not depend on padding, and have 0 in theirs."""
    weights = structural_weights(graph, 3)
    clean = run(graph, feeds(graph, 0.0), weights).outputs
    for spoil in (np.nan, 1e30, -np.inf):
        dirty = run(graph, feeds(graph, spoil), weights).outputs
        for name, value in clean.items():
            np.testing.assert_array_equal(dirty[name], value, err_msg=name)
    if rows:
        assert_rows_alone(graph, weights, clean)
    for output in graph.outputs:
        if 1 in output.value.type.ragged and output.value.type.shape[1].symbol == "T":
            behind = np.arange(FULL) >= LENGTHS[:, None]
            assert not np.any(clean[output.name][behind]), output.name
    if engine:
        model = onnx_from_graph(graph, weights)
        session = ort.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        names = [o.name for o in session.get_outputs()]
        for name, value in zip(names, session.run(None, feeds(graph, np.nan)), strict=True):
            if value.dtype.kind == "f":
                np.testing.assert_allclose(value, clean[name], rtol=2e-4, atol=2e-5)
            else:
                np.testing.assert_array_equal(value, clean[name])


def written(value: Any) -> str:
    """An attribute as a spec writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(written(v) for v in value)}]"
    return str(value)


def calls(op: type[Op]) -> list[str]:
    """Networks that apply an op to tensors with lengths, one for each set of settings."""
    slots = [s for s in op.rule.tensors if not s.optional] or list(op.rule.tensors[:1])
    found: list[str] = []
    known = set(op.attributes()) - {"training", "kept"}
    settings = {
        tuple(sorted((k, written(v)) for k, v in a.items() if k in known)) for a, _ in op.samples
    }
    for given in sorted(settings):
        words = ", ".join(f"{k.rstrip('_')} = {v}" for k, v in given)
        for inner in ("", ", 4"):
            inputs = "; ".join(f"input {s.name}_: {kind_of(s.dtype)}[N, <=T{inner}]" for s in slots)
            # inputs come in with 0 behind the lengths; here it is something else again
            spoilt = {"float": "1 / {}_", "int": "{}_ + 1", "bool": "not {}_"}
            # an index must name a step that the shortest row has
            names = ", ".join(
                f"{s.name}_ * 0" if s.name == "index" else spoilt[kind_of(s.dtype)].format(s.name)
                for s in slots
            )
            call = f"{op.name}({names}{', ' if words else ''}{words})"
            found.append(f"network n {{ {inputs}; output y = {call} }}")
    return found


def kind_of(slot: str) -> str:
    """An element type that a slot takes."""
    return {"any": "float", "float": "float", "bool": "bool"}.get(slot, "int")


@pytest.mark.parametrize("name", sorted(n for n, op in REGISTRY.items() if not op.internal))
def test_op_refuses_lengths_or_is_safe(name: str) -> None:
    op = REGISTRY[name]
    if op.carries:
        pytest.skip("a cell: it is stepped by `scan`")
    for text in calls(op):
        found = graph_of(text)
        if isinstance(found, Graph):
            # along N examples meet each other on purpose
            assert_safe(found, engine=False, rows=re.search(r"axis = \[?(0|none)", text) is None)
        else:
            assert "DL901" not in found


NETWORKS = {
    "fused": """
        network n {
            input x: float[N, <=T, 4]
            a = x -> scan(lstm(3, peephole = true))
            b = x -> scan(gru(3), reverse = true)
            c = x -> scan(rnn(3, activation = relu, recurrent = identity))
            output y = concat(a, b, c)
            output ends = concat(a.final.c, b.final.h, c.final.h)
        }
    """,
    "own cell": """
        cell leaky(units) {
            input x: float[N, D]
            state h: float[N, units] = 0.5
            state t: int[] = 0
            t' = t + 1
            h' = 0.5 * h + (x -> dense(units) -> tanh) + 0.1 * (h -> lstm(units))
            output h'
        }
        network n {
            input x: float[N, <=T, 4]
            h = x -> scan(leaky(3), reverse = true)
            output y = h
            output last = last(h)
            output mean = mean(h, axis = T)
            output top = max(h, axis = T)
            output low = max(-exp(h), axis = T)
            output end = h.final.h
        }
    """,
    "attention": """
        network n {
            input x: float[N, <=T, 4]
            q = x -> dense(3); k = x -> dense(3)
            scores = q @ transpose(k, 1, 2)
            output focus = softmax(scores)
            output y = focus @ x
            output sum = einsum("ntd,ntd->nd", x, x)
        }
    """,
    "ids": """
        network n {
            input word: int[N, <=T]
            h = word -> embed(9, 3) -> bidirectional(gru(2))
            output slot = argmax(h -> dense(4))
            output backwards = reverse(word)
            output each = h -> each(dense(2))
            output mean = mean(exp(log(h ** 2)), axis = (1, 2))
        }
    """,
    "windows": """
        network n {
            input x: float[N, <=T, 4]
            h = 1 / x -> transpose(1, 2) -> conv(5, kernel = 3, stride = 2, pad = 1) -> batch_norm
            pooled = exp(h) -> max_pool(3, stride = 2, pad = 1) -> avg_pool(3, stride = 1, pad = 1)
            larger = pooled -> conv_transpose(3, kernel = 2, stride = 2) -> lp_pool(1)
            output y = transpose(larger, 1, 2)
            turned = 1 / x -> transpose(1, 2)
            output causal = turned -> conv(2, kernel = 3, dilation = 2, pad = "causal")
            output plane = 1 / x -> unsqueeze(1) -> conv(2, kernel = 3, pad = 1) -> max_pool([1, 2])
            output mean = mean(pooled, axis = 2)
            output ends = last(transpose(pooled, 1, 2))
        }
    """,
    "generation": """
        cell writer(words) {
            input word: int[N]
            input memory: float[N, <=T, 4]
            state h: float[N, 4] = 0
            focus = softmax(sum(memory * unsqueeze(h, 1), axis = 2))
            h' = tanh(h + (word -> embed(words, 4)) + einsum("nt,ntd->nd", focus, memory))
            output scores = h' -> dense(words)
        }
        network n {
            input x: float[N, <=T, 4]
            h = mean(x, axis = T)
            said = generate(writer(6), memory = x, h = h, start = 1, stop = 2, at_most = 5)
            output words: int[N, <=L] = said.word
        }
    """,
}


NETWORKS["beams"] = NETWORKS["generation"].replace("at_most = 5", "at_most = 5, choose = beam(3)")


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_never_see_padding(name: str) -> None:
    found = graph_of(NETWORKS[name])
    assert isinstance(found, Graph), found
    assert_safe(found, engine=True)


NESTED = """
    block reader(x: float[N, <=W, D]) { return last(x -> scan(gru(3))) }
    network n {
        input x: float[N, <=S, <=W, 2]
        input id: int[N, <=S, <=W]
        spoilt = 1 / x
        output total = sum(spoilt, axis = W)
        output read = spoilt -> each(reader()) -> scan(lstm(2))
        output middle = mean(spoilt, axis = (S, W))
        output top = max(max(spoilt, axis = 2), axis = S)
        output bag = sum(id -> embed(9, 4), axis = W) -> dense(2)
        output wave = spoilt -> each(waves()) -> each(reader())
        kept = spoilt -> scan(looker(3))
        output hidden = kept.h
        output looked = sum(kept.seen, axis = W)
        output y = exp(spoilt)
    }
    cell looker(units) {
        input x: float[N, <=W, 2]
        state h: float[N, units] = 0
        focus = softmax(sum(x * unsqueeze(h -> dense(2), 1), axis = 2))
        seen = einsum("nw,nwd->nd", focus, x)
        heard = x -> waves() -> mean(axis = 1)
        h' = tanh(h + (concat(seen, heard) -> dense(units)))
        output h'
        output seen = x * unsqueeze(focus, 2)
    }
    block waves(x: float[N, <=W, 2]) {
        return x -> transpose(1, 2) -> conv(2, kernel = 3, stride = 2, pad = 1) -> transpose(1, 2)
    }
"""


def test_lengths_within_lengths() -> None:
    """Rows of steps that differ in length: each row has the answer that it has alone, whatever
    stands behind its steps and theirs; in the reference and in the engine."""
    graph = graph_of(NESTED)
    assert isinstance(graph, Graph), graph
    weights = structural_weights(graph, 3)
    rng = np.random.default_rng(2)
    steps = np.array([2, 3, 1], np.int32)
    within = np.array([[1, 3, 4], [4, 2, 1], [3, 9, 9]], np.int32)
    there = (np.arange(3) < steps[:, None])[..., None] & (np.arange(4) < within[..., None])
    x = np.where(there[..., None], 0.25 + rng.random((3, 3, 4, 2)), 0).astype(np.float32)
    ids = rng.integers(0, 9, (3, 3, 4))
    clean = {"x": x, "id": ids, "S_lengths": steps, "W_lengths": within}
    told = run(graph, clean, weights).outputs
    session = ort.InferenceSession(
        onnx_from_graph(graph, weights).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for spoil in (np.nan, 1e30):
        spoilt = np.where(there[..., None], x, np.float32(spoil))
        dirty = {**clean, "x": spoilt, "id": np.where(there, ids, 10**6)}
        for name, value in run(graph, dirty, weights).outputs.items():
            np.testing.assert_array_equal(value, told[name], err_msg=name)
        for name, value in zip(told, session.run(None, dirty), strict=True):
            np.testing.assert_allclose(value, told[name], rtol=2e-4, atol=2e-5, err_msg=name)
    for row in range(3):
        count, longest = steps[row], within[row, : steps[row]].max()
        alone = {
            "x": x[row : row + 1, :count, :longest],
            "id": ids[row : row + 1, :count, :longest],
            "S_lengths": steps[row : row + 1],
            "W_lengths": within[row : row + 1, :count],
        }
        for name, value in run(graph, alone, weights).outputs.items():
            cut = tuple(slice(0, n) for n in value.shape[1:])
            np.testing.assert_allclose(told[name][row][cut], value[0], rtol=1e-9, atol=1e-12)
    assert not told["y"][~there].any()
    assert not any(name.endswith("_lengths") for name in told)


NORMED = "transpose(1, 2) -> batch_norm(momentum = 0.3) -> transpose(1, 2)"
BATCHES = """
data lines {
    file  = csv("lines.csv")
    words = vocabulary(file.words, by = words, size = 9)
    output word: int[N, <=T] of words = file.words
    split = random(80%, 10%, 10%)
}
network n {
    input word: int[N, <=T]
    h = word -> embed(9, 3) -> transpose(1, 2) -> batch_norm(momentum = 0.3) -> transpose(1, 2)
    output y = h
}
recipe learn for n on lines { minimize mean(y ** 3, axis = 2) with sgd(0.1); epochs = 1; batch = 4 }
"""


@pytest.mark.parametrize("way", ["axis", "each"])
def test_statistics_of_a_batch_are_those_of_what_is_there(way: str) -> None:
    """Mean, variance and what the running ones become: a padded batch is all its steps in a row."""
    sink = Sink()
    text = BATCHES
    if way == "each":
        text = text.replace(NORMED, "each(batch_norm(momentum = 0.3))")
        assert text != BATCHES
    spec = analyse(SourceFile("padding.dl", text), sink)
    assert not sink.errors, sink.errors
    learn = spec.recipes["learn"].steps[0].learn
    weights = structural_weights(learn, 3)
    padded = feeds(learn, 0.0)
    steps = np.concatenate([row[:n] for row, n in zip(padded["word"], LENGTHS, strict=True)])
    in_a_row = {"word": steps[None], "T_lengths": np.array([len(steps)], np.int32)}
    spoilt = run(learn, feeds(learn, 1e30), weights)
    told = run(learn, in_a_row, weights)
    layer = "n.h.each" if way == "each" else "n.h.batch_norm"
    running = {f"{layer}.running_{k}" for k in ("mean", "var")}
    assert spoilt.updates.keys() == told.updates.keys() == running
    for name, value in told.updates.items():
        np.testing.assert_allclose(spoilt.updates[name], value, rtol=1e-12)
    h = weights["n.h.embed.weight"][steps].astype(np.float64)
    moved = 0.7 * weights[f"{layer}.running_var"] + 0.3 * h.var(0, ddof=1)
    np.testing.assert_allclose(told.updates[f"{layer}.running_var"], moved, rtol=1e-6)
    np.testing.assert_allclose(spoilt.outputs["loss"], told.outputs["loss"], rtol=1e-12)


def ragged_networks() -> list[tuple[str, str]]:
    """Each network of `specs/` that has inputs with lengths, by file."""
    found: list[tuple[str, str]] = []
    for path in sorted((ROOT / "specs").glob("*.dl")):
        if "<=" in path.read_text(encoding="utf-8"):
            found += [(path.stem, n) for n in spec_of(path.stem).networks]
    return found


def spec_of(stem: str) -> Spec:
    path = ROOT / "specs" / f"{stem}.dl"
    return analyse(
        SourceFile(path.name, path.read_text(encoding="utf-8")), Sink(), folder=path.parent
    )


@pytest.mark.parametrize(("stem", "name"), ragged_networks())
def test_specs_never_see_padding(stem: str, name: str) -> None:
    """Every network of `specs/`: the same answers whatever stands behind the lengths."""
    graph = optimized(spec_of(stem).networks[name].graph)
    if not any(i.type.ragged for i in graph.inputs):
        pytest.skip("no lengths in its inputs")
    weights = structural_weights(graph, 3)
    # a window needs the steps that it takes
    longest = {
        s: 700 if s == "S" and "wave" in {i.name for i in graph.inputs} else 4
        for s in graph.symbols
    }
    sizes = {**longest, "N": 3}
    drawn = draw_inputs(graph, sizes, seed=1)
    told: dict[str, Array] = {}
    for spoil in (0.0, np.nan, 1e30):
        given = {n: spoilt(graph, drawn, n, spoil) for n in drawn}
        for key, value in run(graph, given, weights).outputs.items():
            assert np.isfinite(value).all(), key
            np.testing.assert_array_equal(value, told.setdefault(key, value), err_msg=key)


def spoilt(graph: Graph, drawn: dict[str, Array], name: str, spoil: float) -> Array:
    """An input with something else behind its lengths."""
    kind = next(i for i in graph.inputs if i.name == name).type
    array = drawn[name].copy()
    for axis in sorted(kind.ragged):
        lengths = drawn[f"{kind.shape[axis]}_lengths"]
        behind = np.arange(array.shape[axis]) >= lengths[..., None]
        if array.dtype.kind == "f":
            array[behind] = spoil
        elif array.dtype.itemsize > 1:
            array[behind] = 0 if spoil == 0 else 10**6
    return array
