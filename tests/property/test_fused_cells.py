"""A standard cell that is written out is recognised however it is written, fused, and computes the
same; one that only looks like it stays a loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.driver.phases import Compilation
from dlspec.interpreter import run
from dlspec.ir.graph import Graph, Node, Output, Value
from dlspec.ir.plan import NetworkPlan, RecipePlan, StepPlan
from dlspec.ir.types import TensorType
from dlspec.ir.validate import validate
from dlspec.ops.arithmetic import Mul, Neg
from dlspec.ops.recurrent import Recurrent
from dlspec.ops.reduction import Sum
from dlspec.passes.pipeline import with_fused_cells
from dlspec.passes.rewrite import rewritten
from dlspec.randomness import structural_weights
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


# --- beside the standard op -----------------------------------------------------------------------


def standard(use: str) -> NetworkPlan:
    return compiled(f"network tagger {{\n    input x: float[N, <=T, 2]\n    {use}\n}}\n")


def own(text: str, use: str = "output y = x -> scan(own(3))") -> NetworkPlan:
    text = "\n".join(line.strip() for line in text.strip().splitlines())
    return compiled(network(cell(text.splitlines()), use))


def of_gates(weights: Arrays, prefix: str, order: str, count: int) -> Arrays:
    """The weights of dense layers over `concat(x, h)` as the standard op has them."""
    whole = np.concatenate([weights[f"{prefix}.{n}.dense.weight"] for n in order])
    bias = np.concatenate([weights[f"{prefix}.{n}.dense.bias"] for n in order])
    return {
        "y.lstm.weight_ih_l0": whole[:, :2],
        "y.lstm.weight_hh_l0": whole[:, 2:],
        "y.lstm.bias_ih_l0": bias,
        "y.lstm.bias_hh_l0": np.zeros(count * 3, np.float32),
    }


def test_it_equals_the_standard_op_with_the_same_weights() -> None:
    plan = own(
        """
        state h: float[N, units] = 0
        state c: float[N, units] = 0
        z = concat(x, h)
        i = z -> dense(units) -> sigmoid
        f = z -> dense(units, bias = 1) -> sigmoid
        g = z -> dense(units) -> tanh
        o = z -> dense(units) -> sigmoid
        c' = f * c + i * g
        h' = o * tanh(c')
        """
    )
    other = standard("output y = x -> scan(lstm(3))")
    weights = structural_weights(plan.graph, 7)
    same = of_gates(weights, "y.own", "ifgo", 4)
    assert {w.name for w in other.graph.weights} == same.keys()
    inputs = draw_inputs(plan.graph, {"N": 5, "T": 4}, seed=3)
    shared = {n: a for n, a in inputs.items() if n != "start"}
    expected = run(other.graph, shared, same).outputs
    assert plan.meant is not None
    near(run(plan.meant, inputs, weights).outputs, expected, 1e-12)
    near(run(plan.graph, inputs, weights).outputs, expected, 1e-12)


# --- what is no standard cell ---------------------------------------------------------------------

LSTM = """
state h: float[N, units] = 0
state c: float[N, units] = 0
param p: float[units] = normal(0, 1)
z = concat(x, h)
i = sigmoid(z -> dense(units))
f = sigmoid(z -> dense(units))
g = tanh(z -> dense(units))
o = sigmoid(z -> dense(units))
c' = f * c + i * g
h' = o * tanh(c')
"""

GRU = """
state h: float[N, units] = 0
param p: float[units] = normal(0, 1)
r = sigmoid(concat(x, h) -> dense(units))
z = sigmoid(concat(x, h) -> dense(units))
n = tanh(concat(x, r * h) -> dense(units))
h' = (1 - z) * n + z * h
"""

RNN = """
state h: float[N, units] = 0
param p: float[units] = normal(0, 1)
h' = tanh((x -> dense(units)) + (h -> dense(units)))
"""

CHANGES = {
    "as it is": (LSTM, {}),
    "the forget gate is one minus the input gate": (LSTM, {"f * c": "(1 - i) * c"}),
    "the cell goes on unsquashed": (LSTM, {"o * tanh(c')": "o * c'"}),
    "the old cell is shown": (LSTM, {"o * tanh(c')": "o * tanh(c)"}),
    "rectified candidates": (LSTM, {"g = tanh": "g = relu"}),
    "an output gate that sees the old cell": (
        LSTM, {"o = sigmoid(z -> dense(units))": "o = sigmoid((z -> dense(units)) + p * c)"},
    ),
    "a candidate that sees the cell": (
        LSTM, {"g = tanh(z -> dense(units))": "g = tanh((z -> dense(units)) + p * c)"},
    ),
    "an input gate that sees the new cell's other half": (
        LSTM, {"i = sigmoid(z -> dense(units))": "i = sigmoid((z -> dense(units)) + p * h)"},
    ),
    "a residual": (LSTM, {"h' = o * tanh(c')": "h' = o * tanh(c') + h"}),
    "half the candidates": (LSTM, {"i * g": "0.5 * i * g"}),
    "a gate twice": (LSTM, {"i * g": "i * i * g"}),
    "a gate that does not hear x": (
        LSTM, {"o = sigmoid(z -> dense(units))": "o = sigmoid(h -> dense(units))"},
    ),
    "a gate that does not recall": (
        LSTM, {"o = sigmoid(z -> dense(units))": "o = sigmoid(x -> dense(units))"},
    ),
    "half of x": (
        LSTM, {"o = sigmoid(z": "o = sigmoid(concat(x[:, 0:1], h)"},
    ),
    "half of h": (
        LSTM, {"o = sigmoid(z": "o = sigmoid(concat(x, h[:, 0:2])"},
    ),
    "a scaled gate": (LSTM, {"o = sigmoid(z ->": "o = sigmoid(2 * z ->"}),
    "a normalised gate": (
        LSTM, {"o = sigmoid(z -> dense(units))": "o = sigmoid(z -> dense(units) -> layer_norm)"},
    ),
    "the states exchanged": (LSTM, {"h' = o * tanh(c')": "h' = o * tanh(h)"}),
    "a gru as it is": (GRU, {}),
    "a reset of x too": (GRU, {"concat(x, r * h)": "concat(x[:, 0:1] * r[:, 0:1], r * h)"}),
    "no reset": (GRU, {"r * h": "h"}),
    "a reset by the update gate's complement": (GRU, {"r * h": "(1 - r) * h"}),
    "two resets": (GRU, {"r * h": "r * r * h"}),
    "a sum that does not mix": (GRU, {"(1 - z) * n": "n"}),
    "an update gate that is reset": (
        GRU, {"z = sigmoid(concat(x, h)": "z = sigmoid(concat(x, r * h)"},
    ),
    "a rectified gru": (GRU, {"n = tanh": "n = relu"}),
    "an rnn as it is": (RNN, {}),
    "a sigmoid": (RNN, {"tanh": "sigmoid"}),
    "a leak": (RNN, {"h' = tanh": "h' = 0.5 * h + 0.5 * tanh"}),
    "a shift after the curve": (RNN, {"h' = tanh": "h' = p + tanh"}),
    "weights by element": (RNN, {"(h -> dense(units))": "p * h"}),
}  # fmt: skip
FUSED = {"as it is", "a gru as it is", "an rnn as it is"}


@pytest.mark.parametrize("name", CHANGES)
def test_what_only_looks_like_it_stays_a_loop(name: str) -> None:
    text, changes = CHANGES[name]
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    kinds = {n.op.name for n in own(text).graph.nodes}
    assert ("scan" in kinds) is (name not in FUSED)
    assert bool(kinds & {"lstm", "gru", "rnn"}) is (name in FUSED)


def test_a_cell_that_shows_its_other_state_stays_a_loop() -> None:
    shown = cell(LSTM.strip().splitlines())
    shown = shown.replace("    output h'\n", "    output h'\n    output c'\n")
    for use, loops in (
        ("s = x -> scan(own(3))\n    output y = s.h'", 0),
        ("s = x -> scan(own(3))\n    output y = s.c'", 1),
    ):
        kinds = [n.op.name for n in compiled(network(shown, use.replace("'", ""))).graph.nodes]
        assert kinds.count("scan") == loops


def test_what_is_held_is_not_heard() -> None:
    text = cell(RNN.strip().splitlines())
    text = text.replace("x: float[N, D]", "x: float[N, D]\n    input k: float[N, 3]")
    text = text.replace("(h -> dense", "(concat(h, k) -> dense")
    plan = compiled(network(text, "output y = scan(own(3), x, k = start)"))
    assert "scan" in {n.op.name for n in plan.graph.nodes}


# --- learning -------------------------------------------------------------------------------------


def objective(graph: Graph) -> Graph:
    """The sum of squares of what a network says, to be minimised."""
    (y, *_) = (o.value for o in graph.outputs)
    square, loss = Value("square", y.type), Value("loss", TensorType.of("float"))
    nodes = [Node(Mul(), (y, y), (square,), "square"), Node(Sum(None), (square,), (loss,), "loss")]
    return replace(
        graph, kind="objective", nodes=[*graph.nodes, *nodes], outputs=[Output("loss", loss)]
    )


@pytest.mark.parametrize("body", [LSTM, GRU, RNN], ids=["lstm", "gru", "rnn"])
@pytest.mark.parametrize("how", ["", ", reverse = true"])
def test_training_is_fused_and_proved_against_the_written_cell(body: str, how: str) -> None:
    lines = [line for line in body.strip().splitlines() if "param" not in line]
    plan = own("\n".join(lines), f"output y = x -> scan(own(3), h = start{how})")
    assert plan.meant is not None
    graph = objective(plan.meant)
    (step,) = with_fused_cells(
        RecipePlan("learn", {}, None, (StepPlan("learn", graph, graph, ()),))
    ).steps
    assert step.meant is graph
    assert {n.op.name for n in step.learn.nodes}.isdisjoint({"scan", "full"})
    weights = structural_weights(step.learn, 2)
    proof = verify_training(step.learn, weights, meant=step.meant, sizes={"N": 4, "T": 5}, seed=1)
    proof.raise_if_failed()
    assert all(g.torch != 0 for g in proof.gradients)
    wrong = turned(step.learn)
    proof = verify_training(wrong, weights, meant=step.meant, sizes={"N": 4, "T": 5}, seed=1)
    assert proof.diagnostics
    assert {getattr(d, "node", "") for d in proof.diagnostics} == {"y.own"}


def turned(graph: Graph) -> Graph:
    """The graph with minus the weights of x in its cell, as of a pass that packs them wrongly."""
    node = next(n for n in graph.nodes if isinstance(n.op, Recurrent))
    weight = node.inputs[2 + len(node.op.carries)]
    assert weight is not None
    minus = Value("minus", weight.type)
    neg = Node(Neg(), (weight,), (minus,), "minus")
    fused = Node(
        node.op,
        tuple(minus if v is weight else v for v in node.inputs),
        tuple(Value(v.name, v.type, v.span) for v in node.outputs),
        node.path,
        node.span,
    )
    at = graph.nodes.index(node)
    changed = replace(graph, nodes=[*graph.nodes[:at], neg, fused, *graph.nodes[at + 1 :]])
    return rewritten(changed, dict(zip(node.outputs, fused.outputs, strict=True)))
