"""What ops lower themselves to PyTorch with: implements `dlspec.ops.base.TorchContext`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.dims import Dim, FloorDiv
from dlspec.ir.graph import Graph, Node
from dlspec.ir.types import DType, TensorType
from dlspec.targets.torch_source.names import identifier

if TYPE_CHECKING:
    from dlspec.targets.torch_source.method import Method

Array = NDArray[Any]


class Constants:
    """Constant tensors of one module: buffers that are not part of its `state_dict`."""

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self.lines: list[str] = []

    def add(self, value: Array, wanted: str) -> str:
        """The text of a constant, `self.weights_constant`; equal ones are one."""
        array = np.asarray(value)
        key = (array.dtype.name, array.shape, array.tobytes())
        if key not in self._known:
            name, ordinal = wanted, 1
            while name in self._known.values():
                ordinal += 1
                name = f"{wanted}{ordinal}"
            self._known[key] = name
            dtype = "bool" if array.dtype == np.bool_ else array.dtype.name
            text = f"torch.tensor({array.tolist()!r}, dtype=torch.{dtype})"
            self.lines.append(f'self.register_buffer("{name}", {text}, persistent=False)')
        return f"self.{self._known[key]}"


class Context:
    """The context of one node's lowering inside one method."""

    def __init__(self, method: Method, node: Node, texts: Sequence[str]) -> None:
        self._method = method
        self._texts = texts
        self._node = node
        self.input_types: tuple[TensorType | None, ...] = tuple(
            None if v is None else v.type for v in node.inputs
        )
        self.output_types: tuple[TensorType, ...] = tuple(v.type for v in node.outputs)

    def dtype(self, dtype: DType) -> str:
        """`torch.float32`, or what stands for it in the module's precision."""
        chosen = self._method.dtype if dtype is DType.float32 else dtype
        return "torch.bool" if chosen is DType.bool_ else f"torch.{chosen}"

    def dims(self, *dims: Any) -> str:
        """Run-time sizes, comma-separated: integers, and symbols that the method's first lines
        read off its arguments."""
        return ", ".join(self._method.size(Dim.of(d)) for d in dims)

    def tensor(self, index: int) -> str:
        """The text of an input that must be a tensor: a number would not do, as an operand of an
        operator it would."""
        return self._texts[index]

    def constant(self, value: Array) -> str:
        """A constant tensor on the module's device."""
        path = identifier(self._node.path)
        return self._method.constants.add(
            value, path if path.endswith("constant") else f"{path}_constant"
        )

    # --- for ops that are statements: loops -------------------------------------------------------

    @property
    def layer(self) -> str | None:
        """The text of the layer that holds the node's parameters, where there is one."""
        return self._method.tree.layer(self._node)

    def fresh(self, wanted: str) -> str:
        """A new local variable."""
        return self._method.fresh(wanted)

    def body(self, graph: Graph, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
        """The statements of a loop's body with these texts as its inputs, and the texts of its
        outputs."""
        return self._method.body(graph, arguments)


def size_text(dim: Dim) -> str:
    """A dimension as a Python expression over its symbols."""
    parts: list[str] = []
    for monomial, coefficient in dim.terms:
        factors = [
            f"(({size_text(a.numerator)}) // {a.divisor})" if isinstance(a, FloorDiv) else a.name
            for a in monomial
        ]
        if coefficient != 1 or not factors:
            factors.insert(0, str(coefficient))
        parts.append(" * ".join(factors))
    return " + ".join(parts) or "0"
