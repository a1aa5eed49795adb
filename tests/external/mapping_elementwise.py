"""Operators that work element by element."""

from __future__ import annotations

from functools import reduce

from dlspec.ir.graph import Value
from tests.external.importer import Node, limit, maps

UNARY = {
    "Abs": "abs",
    "Acos": "acos",
    "Acosh": "acosh",
    "Asin": "asin",
    "Asinh": "asinh",
    "Atan": "atan",
    "Atanh": "atanh",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "IsNaN": "isnan",
    "Log": "log",
    "Neg": "neg",
    "Not": "logical_not",
    "Reciprocal": "reciprocal",
    "Round": "round",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
}
BINARY = {
    "Add": "add",
    "And": "logical_and",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Mul": "mul",
    "Or": "logical_or",
    "Sub": "sub",
    "Xor": "logical_xor",
}


@maps(*UNARY)
def unary(n: Node) -> Value:
    return n.make(UNARY[n.kind], n.tensor(0))


@maps(*BINARY)
def binary(n: Node) -> Value:
    return n.make(BINARY[n.kind], n.tensor(0), n.tensor(1))


@maps("IsInf")
def isinf(n: Node) -> Value:
    """Ours is of either sign; of one sign it is that, and larger or smaller than 0."""
    x = n.tensor(0)
    found = n.make("isinf", x)
    for sign, name in (("detect_negative", "greater"), ("detect_positive", "less")):
        if not n.attr(sign, 1):
            found = n.make("logical_and", found, n.make(name, x, n.constant(0.0)))
    return found


@maps("Identity")
def identity(n: Node) -> Value:
    return n.tensor(0)


@maps("Sum")
def sum_(n: Node) -> Value:
    return reduce(lambda a, b: n.make("add", a, b), n.tensors)


limit("Sum", "of one tensor there is nothing to compute", lambda n: n.count == 1)


ARITHMETIC = "Add Sub Mul Div Mod Pow Max Min Clip"
limit(
    ARITHMETIC,
    "small integers are cast before arithmetic, since their sums would wrap",
    lambda n: n.dtype(0).name in ("uint8", "int8"),
)


@maps("Max", "Min")
def extreme(n: Node) -> Value:
    name = {"Max": "maximum", "Min": "minimum"}[n.kind]
    return reduce(lambda a, b: n.make(name, a, b), n.tensors)


limit("Max Min", "of one tensor there is nothing to compute", lambda n: n.count == 1)


@maps("Div")
def div(n: Node) -> Value:
    name = "div" if n.dtype(0).kind == "f" else "floor_div"
    return n.make(name, n.tensor(0), n.tensor(1))


limit(
    "Div",
    "`//` rounds down as in Python, ONNX cuts off towards zero",
    lambda n: n.dtype(0).kind != "f" and bool((n.array(0) * n.array(1) < 0).any()),
)


@maps("Mod")
def mod(n: Node) -> Value:
    return n.make("mod", n.tensor(0), n.tensor(1))


limit(
    "Mod",
    "`%` is Python's, with the sign of the divisor; C's remainder has the other",
    lambda n: n.attr("fmod", 0) == 1 and bool((n.array(0) * n.array(1) < 0).any()),
)


@maps("Pow")
def power(n: Node) -> Value:
    return n.make("pow", n.floats(n.tensor(0)), n.floats(n.tensor(1)))


limit("Pow", "a power of integers is a float", lambda n: n.dtype(0).kind != "f")


@maps("Where")
def where(n: Node) -> Value:
    return n.make("where", *n.tensors)


@maps("Clip")
def clip(n: Node) -> Value:
    low, high = (n.attr(a, n.array(i).item() if n.has(i) else None) for a, i in _ENDS)
    return n.make("clip", n.tensor(0), low=low, high=high)


_ENDS = (("min", 1), ("max", 2))


def _crossed(n: Node) -> bool:
    return n.has(1) and n.has(2) and bool(n.array(1) > n.array(2))


def _open(n: Node) -> bool:
    return not any(n.has(i) or n.attr(a) is not None for a, i in _ENDS)


limit("Clip", "a clip of which no end is given is refused", _open)
limit("Clip", "`low` above `high` is refused", _crossed)


@maps("Cast")
def cast(n: Node) -> Value:
    return n.make("cast", n.tensor(0), dtype=_CASTS[n.attr("to")])


_CASTS = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool"}


def _other_width(n: Node) -> bool:
    return n.attr("to") not in _CASTS or n.dtype(0).name in ("float64", "float16", "bfloat16")


limit("Cast", "the width of floats is chosen for an engine, not by `cast`", _other_width)
