"""The files of a bundle that no engine is needed for: models, weights, sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from dlspec.bundle import BundleWriter
from dlspec.bundle.manifest import InputSpec, Manifest, Noise, OutputSpec
from dlspec.bundle.reader import WEIGHTS
from dlspec.ir.data_plan import SOURCES, ColumnSchema
from dlspec.ir.graph import Graph, Input, Output, Value
from dlspec.ir.plan import NetworkPlan
from dlspec.ops.reduction import Argmax
from dlspec.source import SourceFile
from dlspec.targets.onnx.external import Location

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
INLINE_LIMIT = 1024
"""Bytes up to which a tensor stays inside `model.onnx`; larger ones are read from
`weights.safetensors`.
"""


@dataclass
class Emitted:
    """The ONNX model as the bundle holds it: of large tensors it says where they lie in the
    bundle's weights."""

    model: onnx.ModelProto
    places: Mapping[str, Location]


def write_sources(
    bundle: BundleWriter, plan: NetworkPlan, weights: Mapping[str, Array], source: SourceFile
) -> Emitted:
    """Write weights, `model.onnx`, `model.py` and the spec into a bundle."""
    from pathlib import PurePath

    emitted = write_model(bundle, plan, weights)
    bundle.add_text("model.py", model_py(plan, source))
    bundle.add_text(f"spec/{PurePath(source.name).name}", source.text)
    return emitted


def write_model(bundle: BundleWriter, plan: NetworkPlan, weights: Mapping[str, Array]) -> Emitted:
    """Write weights and `model.onnx` into a bundle; the model passes ONNX's own checker."""
    from onnx import checker

    from dlspec.targets.onnx import onnx_from_graph

    kept = {w.name: weights[w.name] for w in plan.graph.weights}
    places = {
        name: Location(WEIGHTS, slot.offset, slot.length)
        for name, slot in bundle.add_weights(kept).items()
        if slot.length > INLINE_LIMIT
    }
    model = onnx_from_graph(plan.graph, weights, places=places)
    bundle.add_bytes("model.onnx", model.SerializeToString())
    checker.check_model(str(bundle.path("model.onnx")))  # of a path: it looks for the weights too
    return Emitted(model, places)


def model_py(plan: NetworkPlan, source: SourceFile) -> str:
    """The network as a PyTorch module that a person would sign; it imports torch alone."""
    from dlspec.targets.torch_source import module_source

    header = (
        f"{plan.name}, compiled from {source.name}. The module needs nothing but torch; its "
        "weights:\n\n"
        "    from safetensors.torch import load_file\n"
        '    model.load_state_dict(load_file("weights.safetensors"))'
    )
    return module_source(plan.name, {"forward": plan.graph}, header=header)


Words = Mapping[str, tuple[str, ...]]
"""The words of vocabularies that were made from data, by the vocabulary's name."""


def input_specs(plan: NetworkPlan, words: Words) -> tuple[InputSpec, ...]:
    """The inputs as the manifest says them."""
    columns = _columns(plan)
    return tuple(_input_spec(i, words, columns.get(i.name)) for i in plan.graph.inputs)


def _columns(plan: NetworkPlan) -> dict[str, ColumnSchema]:
    """The columns of the source that the network was trained on, by the names of their fields."""
    data = None if plan.recipe is None else plan.recipe.data
    if data is None:
        return {}
    known = {c.name: c for c in SOURCES[data.source.kind].columns or ()}
    if not data.outputs:
        return known
    return {o.name: known[o.column] for o in data.outputs if o.column in known}


def _named(value: Input | Output, words: Words) -> tuple[tuple[str, ...] | None, str | None]:
    """The names of ids, and the pieces that a text is parted into."""
    if value.vocabulary is None:
        return value.classes, None
    return words.get(value.vocabulary.name), value.vocabulary.by


def _input_spec(value: Input, words: Words, column: ColumnSchema | None) -> InputSpec:
    noise = None
    if value.distribution is not None:
        noise = Noise(value.distribution.kind, value.distribution.arguments)
    origin = value.origin
    if origin not in ("data", "noise", "lengths"):
        raise TypeError(f"{value.name} is inside a loop, and no input of a model")
    dims = tuple(str(d) for d in value.type.shape)
    classes, by = _named(value, words)
    return InputSpec(
        value.name,
        value.type.dtype.value,
        dims,
        classes,
        origin,
        noise,
        value.symbol,
        by,
        None if column is None else column.rate,
        None if column is None else column.ground,
    )


def output_specs(graph: Graph, words: Words) -> tuple[OutputSpec, ...]:
    """The outputs as the manifest says them."""
    ids = _ids_of_scores(graph)
    return tuple(
        OutputSpec(
            o.name,
            o.value.type.dtype.value,
            tuple(o.steps.get(axis, str(d)) for axis, d in enumerate(o.value.type.shape)),
            *_named(o, words),
            ids.get(o.name),
        )
        for o in graph.outputs
    )


def _ids_of_scores(graph: Graph) -> dict[str, str]:
    """Outputs of scores, and the output that is their `argmax` over the last axis."""
    found: dict[str, str] = {}
    for ids in graph.outputs:
        chosen = _along(ids.value).producer
        named = ids.classes is not None or ids.vocabulary is not None
        if not named or chosen is None or not isinstance(chosen.op, Argmax):
            continue
        scores = chosen.inputs[0]
        assert scores is not None
        if chosen.op.axis in (-1, scores.type.rank - 1):
            same = (o for o in graph.outputs if _along(o.value) is _along(scores))
            found |= {o.name: ids.name for o in same if o.name not in found}
    return found


def _along(value: Value) -> Value:
    """The value whose axes stand for the same as this one's: before a softmax, before what lies
    behind each row is covered."""
    while value.producer is not None and value.producer.op.name in _SAME_AXES:
        (first, *_) = value.producer.inputs
        assert first is not None
        value = first
    return value


_SAME_AXES = frozenset(("softmax", "log_softmax", "sigmoid", "masked", "cast"))


def words_of(graph: Graph, manifest: Manifest) -> Words:
    """The words that an earlier bundle of a network has for its vocabularies."""
    found: dict[str, tuple[str, ...]] = {}
    for values, specs in ((graph.inputs, manifest.inputs), (graph.outputs, manifest.outputs)):
        known = {s.name: s.classes for s in specs}
        for value in values:
            classes = known.get(value.name)
            if value.vocabulary is not None and classes is not None:
                found[value.vocabulary.name] = classes
    return found
