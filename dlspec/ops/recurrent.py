"""The standard recurrent cells over a whole sequence: one fused kernel on either side.

Parameters have PyTorch's names and layout, so that the emitted layer is `nn.LSTM` itself; ONNX's
operators want the gates in another order, and time first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.shapes import InvalidSetting
from dlspec.ir.graph import Initializer
from dlspec.ir.types import TensorType
from dlspec.ops.base import Array, OnnxBuilder, Op, literal
from dlspec.ops.control import LoopContext
from dlspec.ops.recurrent_torch import statements
from dlspec.ops.settings import flag, whole

_WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def _signature(gates: int, states: Sequence[str], more: str = "") -> str:
    rows = f"{gates}*units" if gates > 1 else "units"
    given = "".join(f", {s}?: float[n, units]" for s in states)
    made = "".join(f", {s}_last: float[n, units]" for s in states)
    return (
        f"(x: float[n, t, d]{given}, lengths?: int32[n]; weight_ih_l0: float[{rows}, d], "
        f"weight_hh_l0: float[{rows}, units], bias_ih_l0?: float[{rows}], "
        f"bias_hh_l0?: float[{rows}]{more}) -> (y: float[n, t, units]{made})"
    )


def sigmoid(x: Array) -> Array:
    """The logistic function without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


class Recurrent(Op):
    """Base: a cell with ``units`` stepped over x [N, T, D], from the last step where ``reverse``.

    Inputs: x, the start of each state [N, units] (0 where absent), with lengths an int32 [N], and
    the weights. Outputs: the hidden state of every step [N, T, units], 0 behind a row's length, and
    each state after the row's last step.
    """

    ragged = "reduce"
    range = 1.0
    gates: ClassVar[int] = 1
    order: ClassVar[tuple[int, ...]] = (0,)
    kind: ClassVar[str] = ""
    layer: ClassVar[str] = ""
    torch_cell: ClassVar[str] = ""
    torch_function: ClassVar[str] = ""
    aliases: ClassVar[Mapping[str, str]] = {"recurrent": "weight_hh_l0", "weight": "weight_ih_l0"}
    init: ClassVar[Any] = dict.fromkeys(_WEIGHTS, "fan_in_uniform")
    units: int
    reverse: bool = False

    def __post_init__(self) -> None:
        whole(self.name, "units", self.units)

    def default_init(self, slot: str) -> Initializer | None:
        """Uniform within 1 / sqrt(units), as PyTorch's layers begin."""
        return Initializer("fan_in_uniform", {"fan_in": float(self.units)})

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, T, units], ragged where there are lengths, and the states."""
        x = inputs[0]
        assert x is not None
        dense = x.with_shape(x.shape)
        y, *last = super().infer(dense, *inputs[1:])
        lengths = inputs[1 + len(self.carries)]
        return (y.with_shape(y.shape, () if lengths is None else (1,)), *last)

    # --- one step, in NumPy and in PyTorch ----------------------------------------------------

    def step(self, weights: Sequence[Any], x: Array, *states: Array) -> tuple[Array, ...]:
        """The next states."""
        raise NotImplementedError

    def torch_gates(
        self,
        t: LoopContext,
        weights: Sequence[str],
        z: str,
        states: Sequence[str],
        following: Sequence[str],
    ) -> list[str]:
        """Statements that make the next states from ``z``, the product of x and its weights, where
        PyTorch has no function for it."""
        raise NotImplementedError

    # --- the whole sequence -------------------------------------------------------------------

    def reference(self, *inputs: Any) -> Any:
        x, *given = inputs
        count = len(self.carries)
        states = [
            np.zeros((len(x), self.units), x.dtype) if s is None else s for s in given[:count]
        ]
        lengths, weights = given[count], given[count + 1 :]
        y = np.zeros((*x.shape[:2], self.units), x.dtype)
        for t in reversed(range(x.shape[1])) if self.reverse else range(x.shape[1]):
            following = self.step(weights, x[:, t], *states)
            if lengths is not None:
                valid = (t < lengths)[:, None]
                following = tuple(
                    np.where(valid, a, b) for a, b in zip(following, states, strict=True)
                )
                y[:, t] = np.where(valid, following[0], 0)
            else:
                y[:, t] = following[0]
            states = list(following)
        return (y, *states)

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """`nn.LSTM(64, 128, batch_first=True)`."""
        x = inputs[0]
        assert x is not None
        weights = inputs[2 + len(self.carries) :]
        absent = [w is None for w in weights[2:4]]
        if any(absent) != all(absent) or not self.is_standard():
            return None
        bias = ", bias=False" if all(absent) else ""
        return (
            f"nn.{self.layer}({x.shape[2]}, {self.units}{self._options()}{bias}, batch_first=True)"
        )

    def _options(self) -> str:
        return ""

    def is_standard(self) -> bool:
        """Whether PyTorch has a kernel of it."""
        return True

    def torch_statements(
        self, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
    ) -> list[str]:
        """A call of the layer, or of its function where the weights are not a layer's; a loop where
        PyTorch has no such cell."""
        return statements(self, t, inputs, outputs)

    # --- ONNX ---------------------------------------------------------------------------------

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        """The operator of the same name, time first and gates in ONNX's order."""
        x, *rest = inputs
        count = len(self.carries)
        given, lengths, weights = rest[:count], rest[count], rest[count + 1 :]

        def ints(*values: int) -> str:
            return g.constant(np.array(values, np.int64))

        def ordered(weight: str) -> str:
            if self.gates == 1:
                return weight
            parts = g.op("Split", weight, outputs=self.gates, axis=0, num_outputs=self.gates)
            return g.op("Concat", *(parts[i] for i in self.order), axis=0)

        def one(value: str) -> str:
            return g.op("Unsqueeze", value, ints(0))

        rows = self.gates * self.units
        bias = ""
        if any(weights[2:4]):
            zeros = np.zeros(rows, np.float32)
            parts = [ordered(b) if b else g.constant(zeros) for b in weights[2:4]]
            bias = one(g.op("Concat", *parts, axis=0))
        made = g.op(
            self.kind,
            g.op("Transpose", x, perm=[1, 0, 2]),
            one(ordered(weights[0])),
            one(ordered(weights[1])),
            bias,
            lengths,
            *(one(s) if s else "" for s in given),
            *self._onnx_more(g, weights),
            outputs=1 + count,
            hidden_size=self.units,
            direction="reverse" if self.reverse else "forward",
            **self._onnx_options(),
        )
        y = g.op("Transpose", g.op("Squeeze", made[0], ints(1)), perm=[1, 0, 2])
        ends = [g.op("Squeeze", s, ints(0)) for s in made[1:]]
        if lengths:  # of a row without steps ONNX Runtime gives 0 instead of where it started
            some = g.op("Greater", lengths, g.constant(np.array(0, np.int32)))
            some = g.op("Unsqueeze", some, ints(1))
            ends = [g.op("Where", some, e, s) if s else e for e, s in zip(ends, given, strict=True)]
        return (y, *ends)

    def _onnx_more(self, g: OnnxBuilder, weights: Sequence[str]) -> list[str]:
        return []

    def _onnx_options(self) -> dict[str, Any]:
        return {}


_SAMPLES = (
    ({"units": 3}, {"x": ("N", 4, 2)}),
    (
        {"units": 3},
        {"x": ("N", 4, 2), "h": ("N", 3), "lengths": ("int32", ("N",))},
    ),
    ({"units": 2, "reverse": True, "bias_ih_l0": None, "bias_hh_l0": None}, {"x": ("N", 4, 2)}),
    (
        {"units": 3, "reverse": True},
        {"x": ("N", 4, 2), "h": ("N", 3), "lengths": ("int32", ("N",))},
    ),
)


class Rnn(Recurrent):
    """``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or with the rectifier. Elman 1990; with
    ``activation = relu, recurrent = identity`` the IRNN of Le et al. 2015."""

    name = "rnn"
    carries = ("h",)
    signature = _signature(1, ("h",))
    kind = "RNN"
    layer = "RNN"
    activation: str = "tanh"
    samples = (*_SAMPLES, ({"units": 3, "activation": "relu"}, {"x": ("N", 4, 2)}))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in ("tanh", "relu"):
            raise DlspecError(
                InvalidSetting(
                    None,
                    self.name,
                    setting="activation",
                    value=str(self.activation),
                    expected="tanh or relu",
                )
            )

    @property
    def torch_cell(self) -> str:  # type: ignore[override]
        """PyTorch's function of one step."""
        return f"rnn_{self.activation}_cell"

    @property
    def torch_function(self) -> str:  # type: ignore[override]
        """PyTorch's function over a whole sequence."""
        return f"rnn_{self.activation}"

    def step(self, weights: Sequence[Any], x: Array, *states: Array) -> tuple[Array, ...]:
        z = _affine(x, weights[0], weights[2]) + _affine(states[0], weights[1], weights[3])
        return (np.tanh(z) if self.activation == "tanh" else np.maximum(z, 0),)

    def _options(self) -> str:
        return "" if self.activation == "tanh" else ', nonlinearity="relu"'

    def _onnx_options(self) -> dict[str, Any]:
        return {"activations": ["Tanh" if self.activation == "tanh" else "Relu"]}


class Gru(Recurrent):
    """``r, z = σ(W x + U h + b)``, ``n = tanh(W x + b + r (U h + b'))``, ``h' = (1 - z) n + z h``.
    The reset gate is applied after the product, as in PyTorch and cuDNN; without ``reset_after`` it
    is applied before, ``n = tanh(W x + b + U (r h) + b')``, as in Cho et al. 2014."""

    name = "gru"
    carries = ("h",)
    signature = _signature(3, ("h",))
    gates = 3
    order = (1, 0, 2)
    kind = "GRU"
    layer = "GRU"
    torch_cell = "gru_cell"
    torch_function = "gru"
    reset_after: bool = True
    samples = (
        *_SAMPLES,
        ({"units": 3, "reset_after": False}, {"x": ("N", 4, 2), "h": ("N", 3)}),
        (
            {"units": 2, "reset_after": False, "reverse": True, "bias_hh_l0": None},
            {"x": ("N", 4, 2), "lengths": ("int32", ("N",))},
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.name, "reset_after", self.reset_after)

    def step(self, weights: Sequence[Any], x: Array, *states: Array) -> tuple[Array, ...]:
        (h,) = states
        w_hh, b_hh = weights[1], weights[3]
        i_r, i_z, i_n = np.split(_affine(x, weights[0], weights[2]), 3, axis=-1)
        if self.reset_after:
            h_r, h_z, h_n = np.split(_affine(h, w_hh, b_hh), 3, axis=-1)
            r, z = sigmoid(i_r + h_r), sigmoid(i_z + h_z)
            n = np.tanh(i_n + r * h_n)
        else:
            gates = 2 * self.units
            bias, last = (None, None) if b_hh is None else (b_hh[:gates], b_hh[gates:])
            h_r, h_z = np.split(_affine(h, w_hh[:gates], bias), 2, axis=-1)
            r, z = sigmoid(i_r + h_r), sigmoid(i_z + h_z)
            n = np.tanh(i_n + _affine(r * h, w_hh[gates:], last))
        return ((1 - z) * n + z * h,)

    def is_standard(self) -> bool:
        """Whether PyTorch has a kernel of it."""
        return self.reset_after

    def torch_gates(
        self,
        t: LoopContext,
        weights: Sequence[str],
        z: str,
        states: Sequence[str],
        following: Sequence[str],
    ) -> list[str]:
        (h,), (h_next,), gates = states, following, 2 * self.units
        _, w_hh, _, b_hh = weights
        z_r, z_n, r, u = (t.fresh(n) for n in ("z_rz", "z_n", "r", "u"))
        first, last = ("", "") if b_hh == "None" else (f", {b_hh}[:{gates}]", f", {b_hh}[{gates}:]")
        return [
            f"{z_r}, {z_n} = {z}.split(({gates}, {self.units}), dim=-1)",
            f"{r}, {u} = torch.sigmoid({z_r} + F.linear({h}, {w_hh}[:{gates}]{first}))"
            ".chunk(2, dim=-1)",
            f"{z_n} = torch.tanh({z_n} + F.linear({r} * {h}, {w_hh}[{gates}:]{last}))",
            f"{h_next} = torch.lerp({z_n}, {h}, {u})",
        ]

    def _onnx_options(self) -> dict[str, Any]:
        return {"linear_before_reset": int(self.reset_after)}


class Lstm(Recurrent):
    """``i, f, o = σ(W x + U h + b)``, ``c' = f c + i tanh(W x + U h + b)``, ``h' = o tanh(c')``.
    Hochreiter & Schmidhuber 1997; ``peephole`` lets the gates see c (Gers & Schmidhuber 2000), and
    ``forget_bias`` is where the forget gate's bias starts (Jozefowicz et al. 2015)."""

    name = "lstm"
    carries = ("h", "c")
    signature = _signature(
        4,
        ("h", "c"),
        ", peephole_i?: float[units], peephole_f?: float[units], peephole_o?: float[units]",
    )
    gates = 4
    order = (0, 3, 1, 2)
    kind = "LSTM"
    layer = "LSTM"
    torch_cell = "lstm_cell"
    torch_function = "lstm"
    peephole: bool = False
    forget_bias: float | None = None
    init: ClassVar[Any] = dict.fromkeys(
        (*_WEIGHTS, "peephole_i", "peephole_f", "peephole_o"), "fan_in_uniform"
    )
    samples = (
        *_SAMPLES,
        ({"units": 3, "peephole": True}, {"x": ("N", 4, 2)}),
        (
            {"units": 2, "peephole": True, "reverse": True},
            {"x": ("N", 3, 2), "c": ("N", 2), "lengths": ("int32", ("N",))},
        ),
        ({"units": 2, "forget_bias": 1.0}, {"x": ("N", 3, 2), "c": ("N", 2)}),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.name, "peephole", self.peephole)

    def default_init(self, slot: str) -> Initializer | None:
        """As PyTorch's, or with the declared start of the forget gate's bias."""
        if slot.startswith("peephole") and not self.peephole:
            return None
        if self.forget_bias is None or not slot.startswith("bias"):
            return super().default_init(slot)
        bias = np.zeros(4 * self.units)
        if slot == "bias_ih_l0":
            bias[self.units : 2 * self.units] = self.forget_bias
        return literal(bias)

    def step(self, weights: Sequence[Any], x: Array, *states: Array) -> tuple[Array, ...]:
        h, c = states
        z = _affine(x, weights[0], weights[2]) + _affine(h, weights[1], weights[3])
        i, f, g, o = np.split(z, 4, axis=-1)
        p_i, p_f, p_o = weights[4:] if self.peephole else (0, 0, 0)
        c_next = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g)
        return sigmoid(o + p_o * c_next) * np.tanh(c_next), c_next

    def is_standard(self) -> bool:
        """Whether PyTorch has a kernel of it."""
        return not self.peephole

    def torch_gates(
        self,
        t: LoopContext,
        weights: Sequence[str],
        z: str,
        states: Sequence[str],
        following: Sequence[str],
    ) -> list[str]:
        h, c = states
        h_next, c_next = following
        _, w_hh, _, b_hh, p_i, p_f, p_o = weights
        i, f, g, o = (t.fresh(n) for n in "ifgo")
        return [
            f"{i}, {f}, {g}, {o} = ({z} + F.linear({h}, {w_hh}, {b_hh})).chunk(4, dim=-1)",
            f"{c_next} = torch.sigmoid({f} + {p_f} * {c}) * {c}"
            f" + torch.sigmoid({i} + {p_i} * {c}) * torch.tanh({g})",
            f"{h_next} = torch.sigmoid({o} + {p_o} * {c_next}) * torch.tanh({c_next})",
        ]

    def _onnx_more(self, g: OnnxBuilder, weights: Sequence[str]) -> list[str]:
        if not self.peephole:
            return []
        p_i, p_f, p_o = weights[4:]
        joined = g.op("Concat", p_i, p_o, p_f, axis=0)
        return [g.op("Unsqueeze", joined, g.constant(np.array([0], np.int64)))]


def _affine(x: Array, weight: Array, bias: Array | None) -> Array:
    y = x @ weight.T
    return y if bias is None else y + bias
