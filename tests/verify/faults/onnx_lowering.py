"""Faults of the lowering to ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.verify.faults.fault import attributes, given, kind, lowered, number, then


def _halves(g: Any, value: str) -> str:
    """A result that is rounded to fp16, though float32 is promised."""
    return g.op("Cast", g.op("Cast", value, to=10), to=1)


def _constant_like(g: Any, size: int, value: float) -> str:
    return g.constant(np.full(size, value, np.float32))


def _quick_gelu(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> str:
    gate = g.op("Sigmoid", g.op("Mul", inputs[0], number(g, 1.702)))
    return g.op("Mul", inputs[0], gate)


def _shuffled(g: Any, value: str) -> str:
    """The channels of two groups interleaved."""
    apart = g.op("Reshape", value, g.constant(np.array([0, 2, 4, 3, 5])))
    mixed = g.op("Transpose", apart, perm=[0, 2, 1, 3, 4])
    return g.op("Reshape", mixed, g.constant(np.array([0, 8, 3, 5])))


def _through(*path: int) -> Any:
    """A cast that goes through other element types."""

    def change(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> str:
        value = inputs[0]
        for code in (*path, attributes["to"]):
            value = g.op("Cast", value, to=code)
        return value

    return change


def _off_by_one(size: int) -> Any:
    """Rows, each the next one."""

    def change(g: Any, inputs: list[str]) -> list[str]:
        one, rows = number(g, 1, "int64"), number(g, size, "int64")
        return [inputs[0], g.op("Mod", g.op("Add", inputs[1], one), rows), *inputs[2:]]

    return given(change)


def _bytes(g: Any, op: str, inputs: list[str], attributes: dict[str, Any]) -> str:
    """Sums of pixels modulo 256."""
    y = g.op(op, *inputs)
    return g.op("Mod", y, number(g, 256.0), fmod=1) if g.output_types[0].dtype.is_float else y


def _masked(g: Any, value: str) -> str:
    return g.op("Where", g.op("IsNaN", value), number(g, 0.0), value)


def _swapped(g: Any, inputs: list[str]) -> list[str]:
    return inputs[::-1]


def _right_side(pads: list[int]) -> list[int]:
    """All padding at the end of each axis."""
    half = len(pads) // 2
    return [0] * half + [a + b for a, b in zip(pads[:half], pads[half:], strict=True)]


def _axes(*axes: int) -> Any:
    return given(lambda g, i: [i[0], g.constant(np.array(axes))])


PICTURE = [
    lowered("padding lost", "picture", "conv", "Conv", attributes(pads=lambda p: [0] * len(p))),
    lowered("padding on one side", "picture", "conv", "Conv", attributes(pads=_right_side)),
    lowered(
        "padding of the other axis", "picture", "conv", "Conv",
        attributes(pads=lambda p: p[::-1]), ("stem.conv",),
    ),
    lowered(
        "strides exchanged", "picture", "conv", "Conv", attributes(strides=lambda s: s[::-1]),
        ("stem.conv",),
    ),
    lowered(
        "dilation lost", "picture", "conv", "Conv",
        attributes(dilations=[1, 1], pads=lambda p: [1] * 4 if p == [2] * 4 else p),
        ("left.conv",),
    ),
    lowered("bias lost", "picture", "conv", "Conv", given(lambda g, i: i[:2])),
    lowered(
        "channels shuffled", "picture", "conv", "Conv",
        lambda g, k, i, a: (
            _shuffled(g, g.op(k, *i, **a)) if a["group"] == 2 else g.op(k, *i, **a)
        ),
        ("left.conv",),
    ),
    lowered(
        "rounded to fp16", "picture", "conv", "Conv", then(_halves),
    ),
    lowered(
        "output padding at the wrong end", "picture", "conv_transpose", "ConvTranspose",
        attributes(pads=_right_side),
    ),
    lowered(
        "stride of a transposed convolution", "picture", "conv_transpose", "ConvTranspose",
        attributes(strides=[1, 1], output_padding=[0, 0]),
    ),
    lowered(
        "epsilon times ten", "picture", "batch_norm", "BatchNormalization",
        attributes(epsilon=lambda e: 10 * e),
    ),
    lowered(
        "epsilon of the default", "picture", "batch_norm", "BatchNormalization",
        attributes(epsilon=1e-5), ("again.batch_norm",),
    ),
    lowered(
        "mean lost", "picture", "batch_norm", "BatchNormalization",
        given(lambda g, i: [*i[:3], g.op("Sub", i[3], i[3]), i[4]]),
    ),
    lowered(
        "deviation for variance", "picture", "batch_norm", "BatchNormalization",
        given(lambda g, i: [*i[:4], g.op("Sqrt", i[4])]),
    ),
    lowered(
        "mean and variance exchanged", "picture", "batch_norm", "BatchNormalization",
        given(lambda g, i: [*i[:3], i[4], i[3]]),
    ),
    lowered(
        "scale and shift exchanged", "picture", "batch_norm", "BatchNormalization",
        given(lambda g, i: [i[0], i[2], i[1], *i[3:]]),
    ),
    lowered("leaky rectifier", "picture", "relu", "Relu", kind("LeakyRelu", alpha=0.01)),
    lowered("dropout left on", "picture", "relu", "Relu", then(
        lambda g, y: g.op("Dropout", y, number(g, 0.5), g.constant(np.array(True)))
    )),
    lowered("average for the largest", "picture", "max_pool", "MaxPool",
            lambda g, k, i, a: g.op("AveragePool", *i, **a)),
    lowered("ceil mode", "picture", "max_pool", "MaxPool", attributes(ceil_mode=1)),
    lowered("pool padded on one side", "picture", "max_pool", "MaxPool",
            attributes(pads=_right_side)),
    lowered("padding not counted", "picture", "avg_pool", "AveragePool",
            attributes(count_include_pad=0)),
    lowered("default slope", "picture", "leaky_relu", "LeakyRelu", attributes(alpha=0.01)),
    lowered("order of concat", "picture", "concat", "Concat", given(_swapped)),
    lowered("sum for mean", "picture", "mean", "ReduceMean",
            lambda g, k, i, a: g.op("ReduceSum", *i, **a)),
    lowered("mean for sum", "picture", "sum", "ReduceSum",
            lambda g, k, i, a: g.op("ReduceMean", *i, **a)),
    lowered("largest of magnitudes", "picture", "max", "ReduceMax",
            given(lambda g, i: [g.op("Abs", i[0]), *i[1:]])),
    lowered("rows mixed", "picture", "softmax", "Softmax", attributes(axis=0)),
    lowered("label off by one", "picture", "argmax", "ArgMax", then(
        lambda g, y: g.op("Add", y, number(g, 1, "int64"))
    )),
    lowered("smallest for largest", "picture", "argmax", "ArgMax",
            lambda g, k, i, a: g.op("ArgMin", *i, **a)),
    lowered("bytes with a sign", "picture", "cast", "Cast", _through(3)),
    lowered("divided by 256", "picture", "div", "Div", given(
        lambda g, i: [i[0], g.op("Add", i[1], number(g, 1.0))]
    )),
]  # fmt: skip

MIXED = [
    lowered("tanh form of gelu", "mixed", "gelu", "Gelu", attributes(approximate="tanh")),
    lowered("sigmoid form of gelu", "mixed", "gelu", "Gelu", _quick_gelu),
    lowered("hard sigmoid", "mixed", "sigmoid", "Sigmoid", kind("HardSigmoid")),
    lowered("softsign for tanh", "mixed", "tanh", "Tanh", kind("Softsign")),
    lowered("rectifier for softplus", "mixed", "softplus", "Softplus", kind("Relu")),
    lowered("upper end of clip", "mixed", "clip", "Clip", given(
        lambda g, i: [*i[:2], number(g, 0.5)]
    )),
    lowered("lower end of clip lost", "mixed", "clip", "Clip", given(
        lambda g, i: [i[0], "", i[2]]
    )),
    lowered("minimum for maximum", "mixed", "maximum", "Max", kind("Min")),
    lowered("branches exchanged", "mixed", "where", "Where", given(
        lambda g, i: [i[0], i[2], i[1]]
    )),
    lowered("at least for more", "mixed", "greater", "Greater", kind("GreaterOrEqual")),
    lowered("softmax without logarithm", "mixed", "log_softmax", "LogSoftmax",
            kind("Softmax", axis=-1)),
    lowered("parts in another order", "mixed", "stack", "Concat", given(_swapped)),
    lowered("difference the other way", "mixed", "sub", "Sub", given(_swapped)),
    lowered("quotient the other way", "mixed", "div", "Div", given(_swapped)),
    lowered("power the other way", "mixed", "pow", "Pow", given(_swapped)),
    lowered("logarithm of one more", "mixed", "log", "Log", given(
        lambda g, i: [g.op("Add", i[0], number(g, 1.0))]
    )),
    lowered("NaN masked", "mixed", "log", "Log", then(_masked)),
    lowered("square root smoothed", "mixed", "sqrt", "Sqrt", given(
        lambda g, i: [g.op("Add", i[0], number(g, 1e-5))]
    )),
    lowered("power of two for e", "mixed", "exp", "Exp", given(
        lambda g, i: [g.op("Mul", i[0], number(g, 0.6931))]
    )),
    lowered("sign kept", "mixed", "abs", "Abs", kind("Identity")),
    lowered("smallest for largest value", "mixed", "max", "ReduceMax",
            lambda g, k, i, a: g.op("ReduceMin", *i, **a)),
    lowered("sum of a dense in fp16", "mixed", "dense", "Gemm", then(_halves)),
    lowered("bias of a dense lost", "mixed", "dense", "Gemm", given(lambda g, i: i[:2])),
    lowered("nearly right scale", "mixed", "dense", "Gemm", attributes(alpha=1 + 1e-5)),
]  # fmt: skip

SENTENCE = [
    lowered("rows of the table off by one", "sentence", "embed", "Gather", _off_by_one(11)),
    lowered("keys not transposed", "sentence", "transpose", "Transpose",
            lambda g, k, i, a: g.op("Reshape", i[0], g.constant(np.array([0, 16, 7])))),
    lowered("softmax over queries", "sentence", "softmax", "Softmax", attributes(axis=-2)),
    lowered("mean over the other axis", "sentence", "mean", "ReduceMean", _axes(1)),
    lowered("hot and cold exchanged", "sentence", "one_hot", "Equal", then(
        lambda g, y: g.op("Not", y)
    )),
    lowered("the place before the last", "sentence", "slice", "Slice", given(
        lambda g, i: [i[0], *(g.op("Sub", n, number(g, 1, "int64")) for n in i[1:3]), *i[3:]]
    )),
    lowered("factors exchanged", "sentence", "sub", "Sub", given(_swapped)),
    lowered("label of the first place", "sentence", "argmax", "ArgMax", attributes(axis=1)),
]  # fmt: skip

INTEGERS = [
    lowered("sign of the remainder", "integers", "mod", "Mod", attributes(fmod=1)),
    lowered("division cut off towards zero", "integers", "floor_div", "Sub", given(
        lambda g, i: [i[0], g.op("Sub", i[1], i[1])]
    )),
    lowered("last of equal ones", "integers", "argmax", "ArgMax",
            attributes(select_last_index=1)),
    lowered("bytes that wrap", "integers", "add", "Add", _bytes, ("bright.add",)),
    lowered("less for at most", "integers", "less_equal", "LessOrEqual", kind("Less")),
    lowered("one of two, not both", "integers", "logical_or", "Or", kind("Xor")),
    lowered("chosen by its complement", "integers", "where", "Where", given(
        lambda g, i: [g.op("Not", i[0]), *i[1:]]
    )),
    lowered("ends of a clip of integers", "integers", "clip", "Clip", given(
        lambda g, i: [*i[:2], g.op("Sub", i[2], number(g, 1, "int64"))]
    )),
    lowered("integer quotient cut off", "integers", "div", "Div", then(
        lambda g, y: g.op("Floor", y)
    )),
]  # fmt: skip

ONNX_FAULTS = (*PICTURE, *MIXED, *SENTENCE, *INTEGERS)
