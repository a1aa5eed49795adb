"""A standard cell that is written out is recognised however it is written, fused, and computes the
same; one that only looks like it stays a loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlspec.diagnostics import Sink
from dlspec.driver.phases import Compilation
from dlspec.interpreter import run
from dlspec.ir.graph import Graph, Node
from dlspec.ir.plan import NetworkPlan
from dlspec.ir.validate import validate
from dlspec.ops.recurrent import Recurrent
from dlspec.passes.pipeline import with_fused_cells
from dlspec.randomness import structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.inputs import draw_inputs
from dlspec.verify.torch_reference import TorchGraph
from dlspec.verify.training import verify_training
from tests.verify.networks import Arrays, ort_engine

# --- spellings ------------------------------------------------------------------------------------


@st.composite
def gates(draw: st.DrawFn, names: list[str]) -> dict[str, tuple[list[str], str]]:
    """Lines that prepare what goes into each gate, and the text of it: layers of their own over
    `concat` or over x and h, one wide layer parted, or products with parameters."""
    style = draw(st.sampled_from(["own", "sum", "split", "parted", "product"]))
    bias = draw(st.sampled_from(["", ", bias = none", ", bias = 1"]))
    found: dict[str, tuple[list[str], str]] = {}
    if style in ("split", "parted"):
        order = draw(st.permutations(names))
        wide = f"{len(names)} * units"
        joined = draw(st.sampled_from(["concat(x, h)", "concat(h, x)"]))
        summed = f"(x -> dense({wide}{bias})) + (h -> dense({wide}))"
        z = f"{joined} -> dense({wide}{bias})" if style == "split" else summed
        lines = [f"{', '.join(f'a_{n}' for n in order)} = split({z}, {len(names)})"]
        for number, name in enumerate(order):
            found[name] = (lines if number == 0 else [], f"a_{name}")
        return {n: found[n] for n in order}
    for name in names:
        own = draw(st.sampled_from(["own", "sum"])) if style == "own" else style
        if own == "own":
            pair = draw(st.sampled_from(["x, h", "h, x"]))
            text = f"(concat({pair}) -> dense(units{bias}))"
            found[name] = ([], text)
        elif own == "sum":
            more = draw(st.sampled_from(["", ", bias = none"]))
            found[name] = ([], f"(x -> dense(units{bias})) + (h -> dense(units{more}))")
        else:
            lines = [
                f"param w_{name}: float[D, units] = normal(0, 0.5)",
                f"param u_{name}: float[units, units] = normal(0, 0.5)",
            ]
            found[name] = (lines, f"x @ w_{name} + h @ u_{name}")
    return found


def swapped(draw: st.DrawFn, a: str, sign: str, b: str) -> str:
    """A sum or product, either way round."""
    return f"{a} {sign} {b}" if draw(st.booleans()) else f"{b} {sign} {a}"


@st.composite
def lstm(draw: st.DrawFn) -> str:
    made = draw(gates(["i", "f", "g", "o"]))
    looks = draw(st.sampled_from(["", "i", "fo", "ifo"]))
    lines = ["state h: float[N, units] = 0", "state c: float[N, units] = 0"]
    lines += [f"param p_{n}: float[units] = normal(0, 1)" for n in looks]
    lines += [line for prepared, _ in made.values() for line in prepared]
    text = {n: t for n, (_, t) in made.items()}
    for name in looks:
        seen = swapped(draw, f"p_{name}", "*", "c'" if name == "o" else "c")
        text[name] = swapped(draw, f"({text[name]})", "+", seen)
    if draw(st.booleans()):
        text["f"] = f"{text['f']} + 1"
    forget = swapped(draw, f"sigmoid({text['f']})", "*", "c")
    take = swapped(draw, f"sigmoid({text['i']})", "*", f"tanh({text['g']})")
    lines.append(f"c' = {swapped(draw, forget, '+', take)}")
    shown = swapped(draw, f"sigmoid({text['o']})", "*", "tanh(c')")
    lines.append(f"h' = {shown}")
    return cell(lines)


@st.composite
def gru(draw: st.DrawFn) -> str:
    after = draw(st.booleans())
    lines = ["state h: float[N, units] = 0"]
    made = draw(gates(["z", "r"]))
    lines += [line for prepared, _ in made.values() for line in prepared]
    lines += [f"{n} = sigmoid({t})" for n, (_, t) in made.items()]
    if after:
        inner = draw(st.sampled_from(["(h -> dense(units))", "(h -> dense(units, bias = none))"]))
        lines.append(f"n = tanh((x -> dense(units)) + {swapped(draw, 'r', '*', inner)})")
    elif draw(st.booleans()):
        lines.append(f"n = concat(x, {swapped(draw, 'r', '*', 'h')}) -> dense(units) -> tanh")
    else:
        lines.append("n = tanh((r * h -> dense(units)) + (x -> dense(units, bias = none)))")
    mixed = draw(
        st.sampled_from(
            [
                "(1 - z) * n + z * h",
                "z * n + (1 - z) * h",
                "h + z * (n - h)",
                "n + (h - n) * z",
                "z * h + n - n * z",
            ]
        )
    )
    return cell([*lines, f"h' = {mixed}"])


@st.composite
def rnn(draw: st.DrawFn) -> str:
    made = draw(gates(["a"]))
    ((lines, text),) = made.values()
    curve = draw(st.sampled_from(["tanh", "relu"]))
    return cell(["state h: float[N, units] = 0", *lines, f"h' = {curve}({text})"])


def cell(lines: list[str]) -> str:
    """A cell of these lines that shows h."""
    body = "\n".join(f"    {line}" for line in ["input x: float[N, D]", *lines])
    return f"cell own(units) {{\n{body}\n    output h'\n}}\n"


USES = [
    "output y = x -> scan(own(3))",
    "output y = x -> scan(own(3), reverse = true)",
    "s = x -> scan(own(3), h = start)\n    output last = s.final.h\n    output y = s",
    "s = x -> scan(own(3), reverse = true, h = start)\n    output y = s\n"
    "    output last = s.final.h",
]


def network(own: str, use: str, time: str = "<=T") -> str:
    return (
        f"{own}network tagger {{\n    input x: float[N, {time}, 2]\n"
        f"    input start: float[N, 3]\n    {use}\n}}\n"
    )


def compiled(text: str) -> NetworkPlan:
    (plan,) = Compilation(SourceFile("own.dl", text)).networks.values()
    assert plan.meant is not None
    return plan


def fused(graph: Graph) -> list[Node]:
    assert "scan" not in {n.op.name for n in graph.nodes}
    return [n for n in graph.nodes if isinstance(n.op, Recurrent)]


def near(found: Arrays, expected: Arrays, rtol: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=rtol, atol=rtol)


# --- the law --------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    own=st.one_of(lstm(), gru(), rnn()),
    use=st.sampled_from(USES),
    time=st.sampled_from(["<=T", "T"]),
    seed=st.integers(0, 99),
)
def test_it_is_fused_and_means_the_same(own: str, use: str, time: str, seed: int) -> None:
    plan = compiled(network(own, use, time))
    assert plan.meant is not None
    validate(plan.graph)
    assert len(fused(plan.graph)) == 1
    assert [w.name for w in plan.graph.weights] == [w.name for w in plan.meant.weights]
    weights = structural_weights(plan.graph, seed)
    inputs = draw_inputs(plan.graph, {"N": 4, "T": 5}, seed=seed)
    expected = run(plan.meant, inputs, weights).outputs
    near(run(plan.graph, inputs, weights).outputs, expected, 1e-12)
    near(TorchGraph(plan.graph, weights, "float64")(inputs), expected, 1e-12)
    engine = ort_engine(onnx_from_graph(plan.graph, weights))
    near(engine({n: np.array(a) for n, a in inputs.items()}), expected, 2e-5)
