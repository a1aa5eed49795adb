"""A line is explained by what it makes, and a line that makes nothing says what it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dlspec.diagnostics import DlspecError
from dlspec.inspect.explain import explain_line, explanation_text
from dlspec.ir.plan import NetworkPlan
from dlspec.source import SourceFile
from tests.unit.inspect.networks import SMALL, lenet, plan_of

LENET = lenet()


def source_of(plan: NetworkPlan) -> SourceFile:
    return next(n.span.source for n in plan.graph.nodes if n.span is not None)


def test_a_line_of_lenet() -> None:
    source = source_of(LENET)
    line = 1 + source.text.splitlines().index(
        "        -> conv(6, kernel = 5, pad = 2) -> relu -> max_pool(2)"
    )
    found = explain_line(LENET, source, line)
    conv, relu, pool = found.applications
    assert conv.inputs == ("float32[N, 1, 28, 28]",)
    assert conv.outputs == ("float32[N, 6, 28, 28]",)
    assert [(w.name, w.count) for w in conv.weights] == [
        ("logits.conv.weight", 150),
        ("logits.conv.bias", 6),
    ]
    assert conv.macs == 25 * 6 * 28 * 28
    assert conv.onnx[0].startswith("Conv(logits.reshape, logits.conv.weight")
    assert relu.onnx == ("Relu(logits.conv) → logits.relu",)
    assert pool.path == "logits.max_pool"
    assert found.torch == (
        "self.logits.conv = nn.Conv2d(1, 6, kernel_size=5, padding=2)",
        f"x = F.max_pool2d(F.relu(self.logits.conv(x)), 2)  # (N, 6, 14, 14)  lenet.dl:{line}",
    )
    text = explanation_text(found)
    marks = text.splitlines()[3]
    assert marks.count("^" * len("conv(6, kernel = 5, pad = 2)")) == 1
    assert max(map(len, text.splitlines())) <= 90
    json.dumps(found.to_json())


def test_the_onnx_nodes_are_those_of_the_model() -> None:
    from dlspec.inspect.lowering import OPSET, onnx_lines
    from dlspec.randomness import initial_weights
    from dlspec.targets.onnx import onnx_from_graph

    model = onnx_from_graph(LENET.graph, initial_weights(LENET.graph, 0))
    assert model.opset_import[0].version == OPSET
    lines = [line for told in onnx_lines(LENET.graph.nodes).values() for line in told]
    assert [line.partition("(")[0] for line in lines] == [n.op_type for n in model.graph.node]


def test_a_line_of_a_block_tells_where_else_it_is_applied() -> None:
    plan = plan_of(SMALL)
    source = source_of(plan)
    found = explain_line(plan, source, 3)
    (conv, norm) = found.applications
    assert len(conv.alike) == len(norm.alike) == 4
    assert "also 4 times more" in explanation_text(found)
    assert norm.weights[-1].trained is False
    assert sum("self.h.unit.y.conv2(x)" in line for line in found.torch) == 1
    assert not any("self.h.unit2" in line for line in found.torch)


def test_a_line_that_applies_blocks_tells_them() -> None:
    plan = plan_of(SMALL)
    found = explain_line(plan, source_of(plan), 11)
    assert [(b.kind, b.count, b.shape) for b in found.blocks] == [
        ("unit", 3, "[N, 8, 16, 16]"),
        ("unit", 2, "[N, 16, 8, 8]"),
    ]
    counted = sum(int(np.prod([d.value for d in p.type.shape])) for p in plan.graph.parameters)
    assert 0 < sum(b.parameters for b in found.blocks) < counted


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (1, "a comment"),
        (2, "a constant"),
        (3, "an empty line"),
        (4, "the head of network `lenet`"),
        (5, "a declaration: what comes in is computed elsewhere"),
        (12, "a declaration: what goes out is computed above"),
        (15, "known at compile time, or not part of this network"),
    ],
)
def test_other_lines_say_what_they_are(line: int, what: str) -> None:
    with pytest.raises(DlspecError) as caught:
        explain_line(LENET, source_of(LENET), line)
    (found,) = caught.value.diagnostics
    assert found.code == "DL641"
    assert found.label_text == what
    assert "6 to 11, 13 to 14" in found.helps[0]
    assert found.span is not None and found.span.line == line


def test_a_line_that_is_not_there() -> None:
    with pytest.raises(DlspecError) as caught:
        explain_line(LENET, source_of(LENET), 999)
    (found,) = caught.value.diagnostics
    assert found.span is None and "lines" in found.notes[0]
