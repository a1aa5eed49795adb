"""The standard recurrent cells, one step of each: what a loop of one's own is made from.

They have the parameters of the ops over whole sequences, so that a cell that is trained in a `scan`
and steps in a `generate` is one layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlspec.ir.types import TensorType
from dlspec.ops.base import OnnxBuilder, Op
from dlspec.ops.control import LoopContext
from dlspec.ops.recurrent import Gru, Lstm, Recurrent, Rnn


def _signature(whole: str, states: Sequence[str]) -> str:
    """The rule of the op over time without its time: `h` is given, `h_next` made."""
    weights = whole.partition(";")[2].partition(")")[0]
    given = "".join(f", {s}: float[n, units]" for s in states)
    made = ", ".join(f"{s}_next: float[n, units]" for s in states)
    return f"(x: float[n, d]{given};{weights}) -> ({made})"


class Step(Recurrent):
    """Base: x [N, D] and the states [N, units] give the next states."""

    internal = True

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """[N, units] for each state."""
        return Op.infer(self, *inputs)

    def reference(self, *inputs: Any) -> Any:
        x, states, weights = self._parts(inputs)
        made = self.step(weights, x, *states)
        return made[0] if len(made) == 1 else made

    def _parts(self, inputs: Sequence[Any]) -> tuple[Any, Sequence[Any], Sequence[Any]]:
        count = len(self.rule.tensors)
        return inputs[0], inputs[1:count], inputs[count:]

    def torch_statements(
        self, t: LoopContext, inputs: Sequence[str], outputs: Sequence[str]
    ) -> list[str]:
        """A call of PyTorch's function of one step, or the step's formula."""
        x, states, given = self._parts(inputs)
        weights = [w or "None" for w in given]
        if not self.is_standard():
            named = [o if o != "_" else t.fresh("unused") for o in outputs]
            z = t.fresh("z")
            first = f"{z} = F.linear({x}, {weights[0]}, {weights[2]})"
            return [first, *self.torch_gates(t, weights, z, states, named)]
        before = f"({', '.join(states)})" if len(states) > 1 else states[0]
        shown = ", ".join([x, before, *weights[:4]])
        return [f"{', '.join(outputs)} = torch.{self.torch_cell}({shown})"]

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """The layer of the op over time, which holds the same parameters."""
        count = len(self.rule.tensors)
        x = inputs[0]
        assert x is not None
        timed = x.with_shape((x.shape[0], 1, x.shape[1]))
        return super().torch_module(timed, *[None] * count, *inputs[count:])

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        """The step's formula."""
        x, states, weights = self._parts(inputs)
        z = _product(g, x, weights[0], weights[2])
        u = _product(g, states[0], weights[1], weights[3])
        return self.onnx_step(g, z, u, states, weights)

    def onnx_step(
        self, g: OnnxBuilder, z: str, u: str, states: Sequence[str], weights: Sequence[str]
    ) -> tuple[str, ...]:
        """The next states from the products of x and h with their weights."""
        raise NotImplementedError


def _product(g: OnnxBuilder, x: str, weight: str, bias: str) -> str:
    return g.op("Gemm", x, weight, *([bias] if bias else []), transB=1)


class RnnStep(Step, Rnn):
    """``h' = tanh(W x + b + U h + b')``, or with the rectifier."""

    name = "rnn_step"
    signature = _signature(Rnn.signature, ("h",))
    samples = (
        ({"units": 3}, {"x": ("N", 2), "h": ("N", 3)}),
        ({"units": 3, "activation": "relu"}, {"x": ("N", 2), "h": ("N", 3)}),
    )

    def onnx_step(
        self, g: OnnxBuilder, z: str, u: str, states: Sequence[str], weights: Sequence[str]
    ) -> tuple[str, ...]:
        return (g.op("Tanh" if self.activation == "tanh" else "Relu", g.op("Add", z, u)),)


class GruStep(Step, Gru):
    """``h' = (1 - z) n + z h``, with the reset gate after the product, or before it."""

    name = "gru_step"
    signature = _signature(Gru.signature, ("h",))
    samples = (
        ({"units": 3}, {"x": ("N", 2), "h": ("N", 3)}),
        ({"units": 3, "reset_after": False}, {"x": ("N", 2), "h": ("N", 3)}),
        (
            {"units": 3, "reset_after": False, "bias_ih_l0": None, "bias_hh_l0": None},
            {"x": ("N", 2), "h": ("N", 3)},
        ),
    )

    def onnx(self, g: OnnxBuilder, *inputs: str) -> tuple[str, ...]:
        """The step's formula."""
        if self.reset_after:
            return super().onnx(g, *inputs)
        x, (h,), (w_ih, w_hh, b_ih, b_hh) = self._parts(inputs)
        sizes = g.constant(np.array([2 * self.units, self.units], np.int64))
        i_gates, i_n = g.op("Split", _product(g, x, w_ih, b_ih), sizes, outputs=2, axis=1)
        w_gates, w_n = g.op("Split", w_hh, sizes, outputs=2, axis=0)
        b_gates, b_n = g.op("Split", b_hh, sizes, outputs=2, axis=0) if b_hh else ("", "")
        gates = g.op("Sigmoid", g.op("Add", i_gates, _product(g, h, w_gates, b_gates)))
        reset, kept = g.op("Split", gates, outputs=2, axis=1, num_outputs=2)
        u = _product(g, g.op("Mul", reset, h), w_n, b_n)
        return (self._mixed(g, kept, g.op("Tanh", g.op("Add", i_n, u)), h),)

    def _mixed(self, g: OnnxBuilder, kept: str, new: str, h: str) -> str:
        rest = g.op("Sub", g.constant(np.array(1, np.float32)), kept)
        return g.op("Add", g.op("Mul", rest, new), g.op("Mul", kept, h))

    def onnx_step(
        self, g: OnnxBuilder, z: str, u: str, states: Sequence[str], weights: Sequence[str]
    ) -> tuple[str, ...]:
        i_r, i_z, i_n = g.op("Split", z, outputs=3, axis=1, num_outputs=3)
        h_r, h_z, h_n = g.op("Split", u, outputs=3, axis=1, num_outputs=3)
        reset = g.op("Sigmoid", g.op("Add", i_r, h_r))
        kept = g.op("Sigmoid", g.op("Add", i_z, h_z))
        new = g.op("Tanh", g.op("Add", i_n, g.op("Mul", reset, h_n)))
        return (self._mixed(g, kept, new, states[0]),)


class LstmStep(Step, Lstm):
    """``c' = f c + i g``, ``h' = o tanh(c')``; with peepholes the gates see c."""

    name = "lstm_step"
    signature = _signature(Lstm.signature, ("h", "c"))
    samples = (
        ({"units": 3}, {"x": ("N", 2), "h": ("N", 3), "c": ("N", 3)}),
        ({"units": 3, "peephole": True}, {"x": ("N", 2), "h": ("N", 3), "c": ("N", 3)}),
    )

    def onnx_step(
        self, g: OnnxBuilder, z: str, u: str, states: Sequence[str], weights: Sequence[str]
    ) -> tuple[str, ...]:
        c = states[1]
        i, f, new, o = g.op("Split", g.op("Add", z, u), outputs=4, axis=1, num_outputs=4)
        if self.peephole:
            i = g.op("Add", i, g.op("Mul", weights[4], c))
            f = g.op("Add", f, g.op("Mul", weights[5], c))
        kept = g.op("Mul", g.op("Sigmoid", f), c)
        taken = g.op("Mul", g.op("Sigmoid", i), g.op("Tanh", new))
        c_next = g.op("Add", kept, taken)
        if self.peephole:
            o = g.op("Add", o, g.op("Mul", weights[6], c_next))
        return g.op("Mul", g.op("Sigmoid", o), g.op("Tanh", c_next)), c_next


STEPS: dict[str, type[Step]] = {"rnn": RnnStep, "gru": GruStep, "lstm": LstmStep}
"""The step of each standard cell."""
