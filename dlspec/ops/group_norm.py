"""Normalisation of each example over groups of its channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import ImpossibleShape, InvalidSetting
from dlspec.dims import product
from dlspec.ir.graph import Initializer
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, TorchContext
from dlspec.ops.layer_norm import standardized
from dlspec.ops.normalization import channels_of
from dlspec.ops.settings import number, whole


class GroupNorm(Op):
    """``y = (x - mean) / sqrt(variance + epsilon) * weight + bias`` with the mean and (biased)
    variance of each example's ``groups`` of channels (axis 1), over all positions. Wu & He 2018.
    """

    name = "group_norm"
    signature = "(x: float[n, c, *s]; weight?: float[c], bias?: float[c]) -> (y: float[n, c, *s])"
    init: ClassVar[Mapping[str, str | Initializer]] = {"weight": "ones", "bias": "zeros"}
    groups: int
    epsilon: float = 1e-5
    samples = (
        ({"groups": 2}, {"x": ("N", 4, 3, 2)}),
        ({"groups": 1, "epsilon": 1e-3}, {"x": ("N", 3, 5)}),
        ({"groups": 2}, {"x": ("N", 6)}),
        ({"groups": 3, "weight": None, "bias": None}, {"x": ("N", 6, 2, 2, 2)}),
    )

    def __post_init__(self) -> None:
        whole(self.name, "groups", self.groups)
        number(self.name, "epsilon", self.epsilon, 0)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """One weight and bias for each channel."""
        x = tensors[0]
        check_groups(self, x, self.groups)
        return {slot.name: x.with_shape((x.shape[1],)) for slot in self.rule.parameters}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        assert inputs[0] is not None
        check_groups(self, inputs[0], self.groups)
        return (inputs[0],)

    def reference(self, *inputs: Any) -> Any:
        x, weight, bias = inputs
        return normalized(x, weight, bias, self.groups, self.epsilon)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        if not has_variance(kind, channels_of(self, kind) // self.groups):
            return unchecked(inputs, self.groups, self.epsilon)
        x, weight, bias = inputs
        parameters = [i for i in (weight, bias) if (weight, bias) != ("None", "None")]
        arguments = [x, str(self.groups), *parameters, f"eps={self.epsilon}"]
        return f"F.group_norm({', '.join(arguments)})"

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.GroupNorm(groups, channels)`."""
        x, weight, bias = inputs
        assert x is not None
        if (
            weight is None
            or bias is None
            or not has_variance(x, channels_of(self, x) // self.groups)
        ):
            return None
        epsilon = f", eps={self.epsilon}" if self.epsilon != 1e-5 else ""
        return f"nn.GroupNorm({self.groups}, {x.shape[1]}{epsilon})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        return lowered(g, inputs, self.groups, self.epsilon)


class InstanceNorm(Op):
    """``y = (x - mean) / sqrt(variance + epsilon)`` with the mean and (biased) variance of each
    example's every channel, over all positions. Ulyanov et al. 2016.

    As in PyTorch it has no parameters, unless `weight = 1, bias = 0` gives them a start.
    """

    name = "instance_norm"
    signature = "(x: float[n, c, *s]; weight?: float[c], bias?: float[c]) -> (y: float[n, c, *s])"
    epsilon: float = 1e-5
    samples = (
        ({}, {"x": ("N", 2, 3, 4)}),
        ({"epsilon": 1e-3}, {"x": ("N", 2, 5)}),
        ({}, {"x": ("N", 2, 2, 2, 3)}),
    )

    def __post_init__(self) -> None:
        number(self.name, "epsilon", self.epsilon, 0)

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """One weight and bias for each channel."""
        x = tensors[0]
        check_groups(self, x, None)
        return {slot.name: x.with_shape((x.shape[1],)) for slot in self.rule.parameters}

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The type of x."""
        assert inputs[0] is not None
        check_groups(self, inputs[0], None)
        return (inputs[0],)

    def reference(self, *inputs: Any) -> Any:
        x, weight, bias = inputs
        return normalized(x, weight, bias, x.shape[1], self.epsilon)

    def torch(self, t: TorchContext, *inputs: str) -> str:
        kind = t.input_types[0]
        assert kind is not None
        channels = channels_of(self, kind)
        if not has_variance(kind, 1):
            return unchecked(inputs, channels, self.epsilon)
        x, weight, bias = inputs
        named = zip(("weight", "bias"), (weight, bias), strict=True)
        given = [f"{n}={v}" for n, v in named if v != "None"]
        return f"F.instance_norm({', '.join([x, *given, f'eps={self.epsilon}'])})"

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str:
        kind = g.input_types[0]
        assert kind is not None
        return lowered(g, inputs, channels_of(self, kind), self.epsilon)


def check_groups(op: Op, x: TensorType, groups: int | None) -> None:
    """Refuse channels that do not part into so many groups (each its own, if None), and groups of
    one value."""
    channels = channels_of(op, x)
    groups = groups or channels
    if channels % groups:
        expected = f"a divisor of {channels} channels"
        raise DlspecError(
            InvalidSetting(None, op.name, setting="groups", value=str(groups), expected=expected)
        )
    if product(x.shape[2:]) * (channels // groups) == 1:
        raise DlspecError(
            ImpossibleShape(
                None,
                op.name,
                reason="one value alone has no variance",
                actual=str(x),
                advice="larger groups, or more positions, have one",
            )
        )


def has_variance(x: TensorType, per_group: int) -> bool:
    """Whether a group has two values or more at every size, which PyTorch's functions insist on."""
    return per_group > 1 or (product(x.shape[2:]).value or 0) > 1


def unchecked(inputs: tuple[str, ...], groups: int, epsilon: float) -> str:
    """PyTorch's function that takes groups of one value, which are 0, too."""
    x, weight, bias = inputs
    return f"torch.group_norm({x}, {groups}, {weight}, {bias}, {epsilon})"


def normalized(
    x: Array, weight: Array | None, bias: Array | None, groups: int, epsilon: float
) -> Array:
    """The meaning of a norm over groups of channels."""
    y = standardized(x.reshape(x.shape[0], groups, -1), (2,), epsilon).reshape(x.shape)
    spread = (-1, *(1,) * (x.ndim - 2))
    y = y if weight is None else y * weight.reshape(spread)
    return y if bias is None else y + bias.reshape(spread)


def lowered(g: OnnxBuilder, inputs: tuple[str, ...], groups: int, epsilon: float) -> str:
    """ONNX's nodes of a norm over groups of channels: each group is a channel of its own to
    `InstanceNormalization`."""
    kind = g.input_types[0]
    assert kind is not None
    x, weight, bias = inputs
    rows = g.op("Reshape", x, g.constant(np.array([0, groups, -1], np.int64)))
    one, zero = (g.constant(np.full(groups, v, np.float32)) for v in (1, 0))
    y = g.op("InstanceNormalization", rows, one, zero, epsilon=float(epsilon))
    inner = [d.value for d in kind.shape[1:]]
    if sum(s is None for s in inner) <= 1:
        shape = g.constant(np.array([0, *(-1 if s is None else s for s in inner)], np.int64))
    else:
        shape = g.shape(x)
    y = g.op("Reshape", y, shape)
    spread = g.constant(np.array((-1, *(1,) * (kind.rank - 2)), np.int64))
    y = g.op("Mul", y, g.op("Reshape", weight, spread)) if weight else y
    return g.op("Add", y, g.op("Reshape", bias, spread)) if bias else y
