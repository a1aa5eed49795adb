"""A network as a graph of its own: its outputs are the graph's."""

from __future__ import annotations

from dlspec.diagnostics import Sink
from dlspec.diagnostics.names import NoOutput
from dlspec.dims import Dim
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Output, Value, pruned
from dlspec.ops.lengths import Masked
from dlspec.sema import apply, ragged
from dlspec.sema.arguments import Given
from dlspec.sema.bindings import bound_places
from dlspec.sema.context import ENGINE, Context, Frame, Sites
from dlspec.sema.elaborate import Elaborator
from dlspec.sema.program import Program
from dlspec.sema.values import Vocabulary
from dlspec.source import Span
from dlspec.syntax import ast


def network_graph(
    program: Program,
    sink: Sink,
    definition: ast.Definition,
    settings: dict[str, Given],
    sites: Sites,
    span: Span,
) -> tuple[Graph, Frame] | None:
    """The inference graph of a network with these settings; None where mistakes were told."""
    builder = GraphBuilder(definition.name, "inference")
    context = Context(program, sink, ENGINE, builder, sites)
    el = NetworkElaborator(context, definition.name)
    frame = Frame(definition.name, "network", "", program, later=bound_places(definition.body))
    before = len(sink.errors)
    apply.bind_settings(el, definition, settings, frame, span)
    el.run(definition.body, frame)
    if not builder.graph.outputs:
        if len(sink.errors) == before:
            sink.report(NoOutput(definition.name_span, "network", definition.name, "`output`"))
        return None
    return pruned(builder.graph, builder.graph.outputs), frame


class NetworkElaborator(Elaborator):
    """Elaborates a network as the graph's own: its outputs are the graph's."""

    def __init__(self, context: Context, root: str) -> None:
        super().__init__(context)
        self.root = root

    def output_made(self, name: str, tensor: Value, names: Vocabulary | None, frame: Frame) -> None:
        """An output of the outermost network is an output of the graph."""
        if frame.scope == "" and frame.owner == self.root:
            graph = self.context.builder.graph
            steps: dict[int, str] = {}
            for axis in sorted(tensor.type.ragged):
                whole, tensor = tensor, ragged.marked(self.context, tensor, axis)
                if tensor is not whole and whole.name == name:
                    self.context.builder.rename(whole, f"{name}.whole")
                    self.context.builder.rename(tensor, name)
                symbol = self._lengths_put_out(name, tensor.type.shape[axis], tensor, frame)
                if symbol is not None:
                    steps[axis] = symbol
            made = Output(name, tensor, steps=steps)
            if names is not None:
                made = Output(name, tensor, names.classes, names.fitted, steps)
            graph.outputs = [o for o in graph.outputs if o.name != name] + [made]

    def _lengths_put_out(self, name: str, dim: Dim, tensor: Value, frame: Frame) -> str | None:
        """New lengths are an output too, called by the dimension's name in the output's type, which
        is given back; None of lengths that are an input."""
        graph = self.context.builder.graph
        lengths = ragged.lengths_of(self.context, dim, tensor.type)
        # lengths within lengths are those that were given, with 0 behind a row's steps
        covered = lengths.producer is not None and isinstance(lengths.producer.op, Masked)
        given = lengths.producer.inputs[0] if lengths.producer and covered else lengths
        if given in graph.inputs:
            return None
        known = next((o.name for o in graph.outputs if o.value is lengths), None)
        if known is not None:
            return known.removesuffix("_lengths")
        symbol = next((n for n, d in frame.dims.items() if d == dim and n != str(dim)), name)
        graph.outputs.append(Output(f"{symbol}_lengths", lengths))
        return symbol
