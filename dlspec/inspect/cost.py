"""What a node costs for one example: multiply-adds and all floating-point operations.

One convention for all ops, the field's usual one: a multiply-add (MAC) is two operations, every
other function of one number (add, compare, exp, gelu, …) is one. So a convolution is
``2 · k · c_in / groups`` operations for each element that it makes, and one more for the bias.
Moving numbers (reshape, concat, gather, transpose, cast) costs nothing.

Of the normalisations, batch norm is one scale and one shift (statistics are folded beforehand);
layer, group and instance norm are mean 1, variance 2, normalise 2, scale and shift 2 for each
element. A softmax is 5: largest, subtract, exp, sum, divide. A pooling reads its whole window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dlspec.ir.graph import Graph, Node, Value

Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Cost:
    """Operations: ``macs`` multiply-adds, and ``other`` ones beside them."""

    macs: int = 0
    other: int = 0

    @property
    def flops(self) -> int:
        """All floating-point operations: 2 for each multiply-add."""
        return 2 * self.macs + self.other

    def __add__(self, added: Cost) -> Cost:
        return Cost(self.macs + added.macs, self.other + added.other)

    def __mul__(self, times: int) -> Cost:
        return Cost(self.macs * times, self.other * times)


# fmt: off
MOVES = frozenset((
    "cast", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "expand", "full",
    "concat", "stack", "split", "chunk", "slice", "gather", "pick", "permute", "transpose",
    "crop", "pad", "tile", "roll", "shift", "mirror", "repeat_interleave", "one_hot", "embed",
    "depth_to_space", "space_to_depth", "triu", "tril", "masked", "last_step", "reversed",
    "steps_as_rows", "rows_as_steps",
))
"""Ops that compute nothing: they move or rename numbers."""
# fmt: on

VIEWS = frozenset(("reshape", "flatten", "unflatten", "squeeze", "unsqueeze"))
"""Ops whose result is the same memory, seen otherwise."""

PER_ELEMENT: Mapping[str, int] = {
    "batch_norm": 2,
    "layer_norm": 7,
    "group_norm": 7,
    "instance_norm": 7,
    "rms_norm": 4,
    "normalize": 3,
    "softmax": 5,
    "softmin": 5,
    "log_softmax": 5,
    "cross_entropy": 6,
    "logsumexp": 4,
    "var": 3,
    "std": 3,
    "norm": 2,
    "mse": 3,
    "mae": 3,
}
"""Operations for each element of the larger of the first tensor and the result; 1 where an op is
not listed."""


def elements(value: Value, sizes: Sizes) -> int:
    """How many numbers a value holds at given sizes of the symbols."""
    return math.prod(d.evaluate(sizes) for d in value.type.shape)


def node_cost(node: Node, sizes: Sizes) -> Cost:
    """What one node costs at given sizes of the symbols."""
    name = node.op.name
    if name in MOVES:
        return Cost()
    rule = _RULES.get(name)
    if rule is not None:
        return rule(node, sizes)
    body = getattr(node.op, "body", None)
    if isinstance(body, Graph):
        return _loop(node, body, sizes)
    made = sum(elements(v, sizes) for v in node.outputs)
    first = node.inputs[0] if node.inputs else None
    read = elements(first, sizes) if first is not None else 0
    return Cost(0, PER_ELEMENT.get(name, 1) * max(made, read))


def graph_cost(nodes: Iterable[Node], sizes: Sizes) -> Cost:
    """The sum over nodes."""
    return sum((node_cost(n, sizes) for n in nodes), Cost())


# --- ops with a formula of their own ------------------------------------------------------------


def _made(node: Node, sizes: Sizes) -> int:
    return elements(node.outputs[0], sizes)


def _given(node: Node, index: int) -> Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _bias(node: Node, sizes: Sizes, index: int = 2) -> int:
    return _made(node, sizes) if _given(node, index) is not None else 0


def _conv(node: Node, sizes: Sizes) -> Cost:
    weight = node.inputs[1]
    assert weight is not None
    each = math.prod(d.evaluate(sizes) for d in weight.type.shape[1:])
    return Cost(each * _made(node, sizes), _bias(node, sizes))


def _conv_transpose(node: Node, sizes: Sizes) -> Cost:
    """Each input element is spread over ``k · c_out / groups`` results."""
    x, weight = node.inputs[0], node.inputs[1]
    assert x is not None and weight is not None
    each = math.prod(d.evaluate(sizes) for d in weight.type.shape[1:])
    return Cost(each * elements(x, sizes), _bias(node, sizes))


def _dense(node: Node, sizes: Sizes) -> Cost:
    x = node.inputs[0]
    assert x is not None
    return Cost(x.type.shape[-1].evaluate(sizes) * _made(node, sizes), _bias(node, sizes))


def _bilinear(node: Node, sizes: Sizes) -> Cost:
    """``y_u = a W_u b``: each weight once for each row."""
    a, weight = node.inputs[0], node.inputs[2]
    assert a is not None and weight is not None
    rows = math.prod(d.evaluate(sizes) for d in a.type.shape[:-1])
    return Cost(rows * elements(weight, sizes), _bias(node, sizes, 3))


def _einsum(node: Node, sizes: Sizes) -> Cost:
    """One multiplication less than there are operands for each combination of the indices; an
    ellipsis counts as the axes of the result that no letter names."""
    equation = str(getattr(node.op, "equation", "")).replace(" ", "")
    operands = [v for v in node.inputs if v is not None]
    found: dict[str, int] = {}
    for term, value in zip(equation.partition("->")[0].split(","), operands, strict=False):
        shape = [d.evaluate(sizes) for d in value.type.shape]
        before, dots, after = term.partition("...")
        for letter, size in zip(before, shape, strict=False):
            found[letter] = size
        for letter, size in zip(reversed(after), reversed(shape), strict=False):
            found[letter] = size
        if dots:
            lead = shape[len(before) : len(shape) - len(after)]
            found["..."] = max(found.get("...", 1), math.prod(lead))
    return Cost(max(1, len(operands) - 1) * math.prod(found.values()), 0)


def _pool(node: Node, sizes: Sizes) -> Cost:
    x = node.inputs[0]
    assert x is not None
    size = getattr(node.op, "size", None) or getattr(node.op, "kernel", 1)
    axes = x.type.rank - 2
    window = math.prod(size) if isinstance(size, tuple) else int(size) ** axes
    return Cost(0, window * _made(node, sizes))


def _response(node: Node, sizes: Sizes) -> Cost:
    """Local response: the square, a sum over neighbours, then scale, add, power, divide."""
    size = int(getattr(node.op, "size", 5))
    return Cost(0, (size + 5) * _made(node, sizes))


def _recurrent(node: Node, sizes: Sizes) -> Cost:
    """Both products of every gate, and about three further operations for each of its numbers."""
    x = node.inputs[0]
    slots = node.op.rule.parameters
    tail = zip(slots, node.inputs[len(node.inputs) - len(slots) :], strict=True)
    weights = [v for s, v in tail if v is not None and s.name.startswith("weight_")]
    assert x is not None
    rows = math.prod(d.evaluate(sizes) for d in x.type.shape[:-1])
    products = sum(elements(w, sizes) for w in weights)
    gates = sum(w.type.shape[0].evaluate(sizes) for w in weights[:1])
    return Cost(rows * products, 4 * rows * gates)


def _loop(node: Node, body: Graph, sizes: Sizes) -> Cost:
    first = node.inputs[0]
    steps = first.type.shape[1].evaluate(sizes) if first is not None and first.type.rank > 1 else 1
    return graph_cost(body.nodes, sizes) * steps


_RULES: Mapping[str, Callable[[Node, Sizes], Cost]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "dense": _dense,
    "matmul": _dense,
    "bilinear": _bilinear,
    "einsum": _einsum,
    "max_pool": _pool,
    "avg_pool": _pool,
    "lp_pool": _pool,
    "lrn": _response,
    **dict.fromkeys(
        ("rnn", "gru", "lstm", "rnn_step", "gru_step", "lstm_step"),
        _recurrent,
    ),
}
