"""Legalise a model for a lower precision, explicitly: casts stand in the ONNX, weights are stored
narrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.targets import UnsupportedPrecision

if TYPE_CHECKING:
    import onnx

Precision = Literal["float32", "float16", "bfloat16"]

_FLOAT, _FLOAT16, _BFLOAT16 = 1, 10, 16
_NARROW = {"float16": _FLOAT16, "bfloat16": _BFLOAT16}

_SENSITIVE = """
    Softmax LogSoftmax LayerNormalization BatchNormalization InstanceNormalization
    GroupNormalization RMSNormalization LRN ReduceMean ReduceSum ReduceProd ReduceLogSumExp
    ReduceLogSum ReduceL1 ReduceL2 ReduceSumSquare GlobalAveragePool AveragePool
    SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss CumSum Exp Log Pow Sqrt Reciprocal Erf
    Softplus Resize Scan Loop If RandomNormal RandomUniform Range
"""

SENSITIVE = frozenset(_SENSITIVE.split())
"""Ops that stay in float32: what sums many terms, what has a steep slope, and loops with all that
is in them."""

_PASSIVE = frozenset({"Shape", "Size", "Constant", "ConstantOfShape", "Cast", "CastLike"})


@dataclass(frozen=True)
class Legalized:
    """What a conversion really did: node names by the precision that they compute in, weights
    stored narrow, casts added."""

    model: onnx.ModelProto
    precision: Precision
    narrow: tuple[str, ...]
    kept: tuple[str, ...]
    weights: tuple[str, ...]
    casts: int


def legalize(model: onnx.ModelProto, precision: str) -> Legalized:
    """A copy of a model that computes in ``precision`` wherever that is safe.

    Inputs and outputs keep their types. Nodes with a float32 operand compute narrow unless their
    kind is in `SENSITIVE`; weights that only such nodes read are stored narrow (float16 saturates
    at its largest finite value). Everything between is an explicit Cast. bfloat16 raises the opset
    to 22, the first in which convolution and pooling have it.

    Raises:
        DlspecError: DL502 for a precision that is none of float32, float16, bfloat16.
    """
    import onnx

    if precision == "float32":
        kept = tuple(n.name for n in model.graph.node)
        return Legalized(model, "float32", (), kept, (), 0)
    if precision not in _NARROW:
        raise DlspecError(
            UnsupportedPrecision(None, precision=precision, known="float32, float16, bfloat16")
        )
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if precision == "bfloat16":
        copy.opset_import[0].version = max(22, copy.opset_import[0].version)
    return _Legalizer(copy, "float16" if precision == "float16" else "bfloat16").run()


class _Legalizer:
    def __init__(self, model: onnx.ModelProto, precision: Literal["float16", "bfloat16"]) -> None:
        self.model = model
        self.precision: Literal["float16", "bfloat16"] = precision
        self.target = _NARROW[precision]
        self.types = _element_types(model)
        self.taken = set(self.types) | {n.name for n in model.graph.node}
        self.casts: dict[tuple[str, int], str] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.count = 0

    def run(self) -> Legalized:
        graph = self.model.graph
        narrow = {n.name for n in graph.node if self._narrows(n)}
        weights = self._store_weights(narrow)
        results = {o.name for o in graph.output}
        made_narrow: set[str] = set(weights)
        for node in list(graph.node):
            if node.name in narrow:
                self._convert(node, results, made_narrow)
            else:
                for i, name in enumerate(node.input):
                    if name in made_narrow:
                        node.input[i] = self._cast(name, _FLOAT)
                for name in _captured(node) & made_narrow:
                    self._widen_for_body(node, name)
                self.nodes.append(node)
        del graph.node[:]
        graph.node.extend(self.nodes)
        for info in graph.value_info:
            if info.name in made_narrow:
                info.type.tensor_type.elem_type = self.target
        kept = tuple(n.name for n in self.nodes if n.name not in narrow and n.op_type != "Cast")
        names = tuple(n.name for n in self.nodes if n.name in narrow)
        return Legalized(
            self.model, self.precision, names, kept, tuple(sorted(weights)), self.count
        )

    def _narrows(self, node: onnx.NodeProto) -> bool:
        if node.op_type in SENSITIVE or node.op_type in _PASSIVE:
            return False
        return any(self.types.get(n) == _FLOAT for n in (*node.input, *node.output))

    def _store_weights(self, narrow: set[str]) -> set[str]:
        """Convert initializers that only narrow nodes read; float32 ones that others read too are
        cast where needed."""
        readers: dict[str, set[bool]] = {}
        for node in self.model.graph.node:
            for name in (*node.input, *_captured(node)):
                readers.setdefault(name, set()).add(node.name in narrow)
        stored: set[str] = set()
        for tensor in self.model.graph.initializer:
            if (
                tensor.data_type == _FLOAT
                and readers.get(tensor.name) == {True}
                and _has_data(tensor)
            ):
                _narrow_tensor(tensor, self.target)
                stored.add(tensor.name)
        return stored - {o.name for o in self.model.graph.output}

    def _convert(self, node: onnx.NodeProto, results: set[str], made_narrow: set[str]) -> None:
        for i, name in enumerate(node.input):
            if self.types.get(name) == _FLOAT and name not in made_narrow:
                node.input[i] = self._cast(name, self.target)
        self.nodes.append(node)
        for i, name in enumerate(node.output):
            if self.types.get(name) != _FLOAT:
                continue
            if (
                name in results
            ):  # the graph's output keeps its type: the narrow value gets another name
                inner = node.output[i] = self._unique(f"{name}/{self.precision}")
                self._add_cast(inner, name, _FLOAT)
                self.casts[(name, self.target)] = inner
            else:
                made_narrow.add(name)

    def _cast(self, name: str, to: int) -> str:
        known = self.casts.get((name, to))
        if known is None:
            suffix = "float32" if to == _FLOAT else self.precision
            known = self.casts[(name, to)] = self._unique(f"{name}/{suffix}")
            self._add_cast(name, known, to)
        return known

    def _add_cast(self, source: str, result: str, to: int) -> None:
        from onnx import helper

        label = self._unique(f"{self.model.graph.name}.{result}/Cast")
        self.nodes.append(helper.make_node("Cast", [source], [result], name=label, to=to))
        self.count += 1

    def _widen_for_body(self, node: onnx.NodeProto, name: str) -> None:
        wide = self._cast(name, _FLOAT)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename_in(attribute.g, name, wide)

    def _unique(self, wanted: str) -> str:
        name, ordinal = wanted, 1
        while name in self.taken:
            ordinal += 1
            name = f"{wanted}.{ordinal}"
        self.taken.add(name)
        return name


def _element_types(model: onnx.ModelProto) -> dict[str, int]:
    """The element type of every value of the main graph."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(_without_data(model)).graph
    types = {t.name: t.data_type for t in inferred.initializer}
    for info in (*inferred.value_info, *inferred.input, *inferred.output):
        types[info.name] = info.type.tensor_type.elem_type
    return types


def _without_data(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model, large weights emptied: element types do not need them, and inference copies what
    it is given."""
    import onnx

    light = onnx.ModelProto()
    light.ir_version = model.ir_version
    light.opset_import.extend(model.opset_import)
    light.graph.name = model.graph.name
    light.graph.node.extend(model.graph.node)
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    light.graph.value_info.extend(model.graph.value_info)
    for tensor in model.graph.initializer:
        kept = light.graph.initializer.add()
        if len(tensor.raw_data) <= 1024:
            kept.CopyFrom(tensor)
        else:
            kept.name, kept.data_type = tensor.name, tensor.data_type
            kept.dims.extend(tensor.dims)
    return light


def _captured(node: onnx.NodeProto) -> set[str]:
    """Names that the sub-graphs of a node read."""
    found: set[str] = set()
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                found.update(inner.input)
                found |= _captured(inner)
            found.update(o.name for o in attribute.g.output)
    return found


def _rename_in(graph: onnx.GraphProto, name: str, to: str) -> None:
    for node in graph.node:
        for i, read in enumerate(node.input):
            if read == name:
                node.input[i] = to
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename_in(attribute.g, name, to)


def _has_data(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.raw_data) or 0 in tensor.dims


def _narrow_tensor(tensor: onnx.TensorProto, target: int) -> None:
    values = np.frombuffer(tensor.raw_data, "<f4")
    if target == _FLOAT16:
        largest = np.float32(np.finfo(np.float16).max)
        finite = np.where(np.isfinite(values), np.clip(values, -largest, largest), values)
        tensor.raw_data = finite.astype("<f2").tobytes()
    else:
        tensor.raw_data = round_to_bfloat16(values).tobytes()
    tensor.data_type = target


def round_to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper halves of float32 numbers, rounded to nearest, ties to even; NaN stays NaN."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded).astype("<u2")
