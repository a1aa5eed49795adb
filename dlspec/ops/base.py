"""What an op is: one class holds its meaning, its shape rule and both lowerings.

A subclass is turned into a frozen dataclass whose fields are the attributes (compile-time settings,
in the order in which a spec may give them by position, with PyTorch's defaults), and is registered
under its ``name``, which is also what a spec writes.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.shapes import RaggedRefused
from dlspec.ir.graph import Graph, Initializer, Value
from dlspec.ir.types import DType, TensorType
from dlspec.late import finished, late_dataclass
from dlspec.ops.signature import Signature, parse_signature

Array = NDArray[Any]

Ragged = Literal["pointwise", "reduce", "move", "window", "forbid"]


class OnnxBuilder(Protocol):
    """What an op's ONNX lowering may use. Names are ONNX value names."""

    input_types: tuple[TensorType | None, ...]
    output_types: tuple[TensorType, ...]
    opset: int

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; the name of its output, or a tuple of names where ``outputs`` > 1. "" is an
        absent input."""
        ...

    def constant(self, value: Array) -> str:
        """The name of an initializer or constant that holds the array (dtype as given)."""
        ...

    def shape(self, value: str) -> str:
        """The name of the run-time shape (int64 vector) of a value."""
        ...

    def swapped(self, value: str, rank: int) -> str:
        """The name of a value of so many axes with the first two swapped, [T, N, ...] of
        [N, T, ...]; of what was made by swapping, the name of what it was made of."""
        ...


class TorchContext(Protocol):
    """What an op's PyTorch lowering may use besides the texts of its inputs."""

    input_types: tuple[TensorType | None, ...]
    output_types: tuple[TensorType, ...]

    def dtype(self, dtype: DType) -> str:
        """Text of an element type, `torch.float32`; the float64 emission answers `torch.float64`
        for floats."""
        ...

    def dims(self, *dims: Any) -> str:
        """Text of run-time sizes for symbolic dims (`x.shape[0]`), comma-separated."""
        ...

    def tensor(self, index: int) -> str:
        """The text of an input where a number would not do (an operand of an operator may become
        one)."""
        ...

    def constant(self, value: Array) -> str:
        """Text that stands for a constant tensor on the module's device."""
        ...


class Environment(Protocol):
    """What an op that holds a sub-graph runs its body with, in the interpreter."""

    dtype: np.dtype[Any]

    def body(
        self, graph: Graph, inputs: Sequence[Array], captures: Mapping[Value, Array]
    ) -> list[Array]:
        """The outputs of a body for values of its inputs and of what it reads around itself."""
        ...

    def cut(self, states: list[Array]) -> list[Array]:
        """What a loop goes on from where its gradients end: these states, or those that an earlier
        run had here, where gradients are compared with differences."""
        ...


@dataclass_transform(frozen_default=True)
class Op:
    """Base of all ops.

    Class attributes
        name: what a spec writes and the registry's key.
        signature: shape rule, ``(x: float[*b, i]; weight: float[units, i], bias?: float[units]) ->
            (y: float[*b, units])``. Tensors before ``;``, parameters after it (``?`` makes one
            optional). A dim's name is bound by the inputs or is an attribute; ``*b`` stands for any
            leading dims. Ops that no signature describes override `infer`.
        init: the default initializer of each parameter; a bare name stands for that kind without
            arguments.
        buffers: which parameters are buffers, updated by rule.
        variadic: the attribute that takes all positional settings (`reshape(1, 28, 28)`).
        many: whether the op takes any number of tensors (`concat(a, b, c)`).
        promotion: what happens to mixed element types: ``common`` casts all tensors to one type,
            ``float`` also makes integers float32, ``none`` leaves them to the signature.
        ragged: what the op does to a ragged axis; `forbid` (the default) refuses any tensor that
            has one (DL308), `reduce` and `window` ops refuse by themselves where it is the axis
            that they work on.
        range: the absolute range r of results like sigmoid's, None where it has none;
            verification's bound reads it.
        carries: of a recurrent op, the names of its states; it is a cell, stepped by `scan`.
        aliases: further names of parameters in a spec, `recurrent` for `weight_hh_l0`.
        internal: whether only semantics makes it, and a spec has no name for it.
        samples: attribute sets with input shapes for the contract test, see tests/ops.
    """

    name: ClassVar[str] = ""
    signature: ClassVar[str] = ""
    init: ClassVar[Mapping[str, str | Initializer]] = {}
    buffers: ClassVar[tuple[str, ...]] = ()
    variadic: ClassVar[str | None] = None
    many: ClassVar[bool] = False
    promotion: ClassVar[Literal["none", "common", "float"]] = "none"
    ragged: ClassVar[Ragged] = "forbid"
    range: ClassVar[float | None] = None
    carries: ClassVar[tuple[str, ...]] = ()
    aliases: ClassVar[Mapping[str, str]] = {}
    internal: ClassVar[bool] = False
    samples: ClassVar[Sequence[Any]] = ()
    rule: ClassVar[Signature] = parse_signature("")

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        # no slots: subclasses stay plain frozen dataclasses that compare by attributes
        late_dataclass(cls)
        if "infer" in cls.__dict__:
            cls.infer = _refusing_lengths(cls.infer)
        if cls.__dict__.get("name"):
            cls.rule = parse_signature(cls.signature)
            register(cls)

    # --- what the language sees -------------------------------------------------------------------

    @classmethod
    def attributes(cls) -> dict[str, dataclasses.Field[Any]]:
        """The settings by name, in positional order; those that are given by name come last."""
        own = dataclasses.fields(finished(cls))  # type: ignore[arg-type]
        return {f.name: f for f in sorted(own, key=lambda f: f.kw_only is True)}

    def parameter_types(self, *tensors: TensorType) -> dict[str, TensorType]:
        """The type of each parameter and buffer for given tensor types."""
        return self.rule.parameter_types(self, tensors)

    def default_init(self, slot: str) -> Initializer | None:
        """The default initializer of a parameter, where attributes decide it."""
        return initializer(type(self), slot) if slot in self.init else None

    def infer(self, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        """The output types for given input types (tensors, then parameters; None where absent).

        Raises:
            DlspecError: with a shape diagnostic (DL3xx) that has no span yet, if the types do not
                fit.
        """
        refuse_lengths(self, inputs)
        return self.rule.output_types(self, inputs)

    def doubts(self, *tensors: Value) -> Iterable[Diagnostic]:
        """Warnings, without a place, about tensors that fit and yet may not be meant."""
        return ()

    # --- meaning and lowerings --------------------------------------------------------------------

    def reference(self, *inputs: Any) -> Any:
        """The op in NumPy, in the precision of its inputs: one array, or a tuple for several
        outputs."""
        raise TypeError(f"op {self.name} has no reference")

    def run(self, environment: Environment, *inputs: Any) -> Any:
        """The op in the interpreter: its `reference`. Ops that hold a sub-graph override this, and
        run it with `environment.body(graph, inputs, captures)`."""
        return self.reference(*inputs)

    def extent(self, result: Array, *types: TensorType | None) -> float | None:
        """How large, in units of rounding, the absolute error of a result may be on top of its
        relative one: `range`, for most."""
        return self.range

    def torch(self, t: TorchContext, *inputs: str) -> str:
        """The op as a PyTorch expression over the texts of its inputs ("None" where absent); a
        tuple for several outputs.

        The texts of inputs are names, and what is returned is read as a tree, so no op needs
        parentheses for precedence.
        """
        raise TypeError(f"op {self.name} has no PyTorch lowering")

    def torch_module(self, *inputs: TensorType | None) -> str | None:
        """Text that constructs an `nn.Module` with exactly this op's parameters under their own
        names (`nn.Linear(784, 500)`), called with the tensors alone; None where there is none."""
        return None

    def onnx(self, g: OnnxBuilder, *inputs: str) -> str | tuple[str, ...]:
        """The op as ONNX nodes: the name of the result, or a tuple of names."""
        raise TypeError(f"op {self.name} has no ONNX lowering")


REGISTRY: dict[str, type[Op]] = {}
"""All ops by name."""


def register(op: type[Op]) -> None:
    """Add an op class; its name must be new, and it must say what it is."""
    if op.name in REGISTRY:
        raise TypeError(f"op `{op.name}` is defined twice")
    if not op.__doc__:
        raise TypeError(f"op `{op.name}` has no docstring")
    REGISTRY[op.name] = op


def refuse_lengths(
    op: Op, inputs: Sequence[TensorType | None], axes: Collection[int] | None = None
) -> None:
    """Refuse ragged tensors of an op that has no rule for lengths; with ``axes``, those of any op
    that are ragged there.

    Raises:
        DlspecError: DL308.
    """
    if axes is None and op.ragged != "forbid":
        return
    names = [slot.name for slot in op.rule.tensors]
    for position, kind in enumerate(inputs):
        if kind is not None and (kind.ragged if axes is None else kind.ragged & set(axes)):
            operand = names[position] if position < len(names) else f"tensor {position + 1}"
            raise DlspecError(RaggedRefused(None, op.name, operand=operand, actual=str(kind)))


def _refusing_lengths(
    infer: Callable[..., tuple[TensorType, ...]],
) -> Callable[..., tuple[TensorType, ...]]:
    @functools.wraps(infer)
    def checked(self: Op, *inputs: TensorType | None) -> tuple[TensorType, ...]:
        refuse_lengths(self, inputs)
        return infer(self, *inputs)

    return checked


def initializer(op: type[Op], parameter: str) -> Initializer:
    """The default initializer of an op's parameter."""
    found = op.init[parameter]
    return Initializer(found) if isinstance(found, str) else found


def literal(value: Any, dtype: DType = DType.float32) -> Initializer:
    """An initializer that is the value itself."""
    return Initializer("literal", {}, np.asarray(value, dtype=dtype.value))
