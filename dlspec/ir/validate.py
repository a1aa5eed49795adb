"""What every graph must hold; a pass or a front end that breaks it is at fault, not a user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlspec.diagnostics import DlspecError
from dlspec.ir.graph import Buffer, Graph, Node, Value
from dlspec.ir.printer import graph_text


class InvalidGraph(AssertionError):
    """A graph that breaks a rule of graphs: an error in dlspec itself. The message shows the graph,
    with what is wrong with a node under it."""

    def __init__(
        self, graph: Graph, problems: Sequence[str], notes: Mapping[Node, Sequence[str]]
    ) -> None:
        self.problems = list(problems)
        shown = "\n".join(f"- {p}" for p in problems)
        text = graph_text(graph, notes)
        super().__init__(f"the graph {graph.name} is not valid:\n{shown}\n\n{text}")


def validate(graph: Graph) -> None:
    """Check a graph and its sub-graphs.

    Every value is defined once and before it is read (by this graph, or for a body by the one
    around it and then listed in the op's captures); names and paths are unique; results have the
    types that their ops infer; updates set buffers of the graph to values of their type.

    Raises:
        InvalidGraph: with all that is wrong.
    """
    check = _Check(graph)
    problems = list(check.problems())
    if problems:
        raise InvalidGraph(graph, problems, check.notes)


class _Check:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names: dict[str, Value] = {}
        self.paths: set[str] = set()
        self.notes: dict[Node, list[str]] = {}

    def problems(self) -> Iterator[str]:
        """All that is wrong."""
        yield from self._graph(self.graph, set[Value]())

    def _graph(self, graph: Graph, around: set[Value]) -> Iterator[str]:
        known = set(around)
        for value in (*graph.inputs, *graph.parameters, *graph.buffers, *graph.constants):
            yield from self._define(value, known)
            if value.producer is not None:
                yield f"`{value.name}` is given, yet `{value.producer.path}` makes it"
        for constant in graph.constants:
            if tuple(d.value for d in constant.type.shape) != constant.value.shape:
                yield f"constant `{constant.name}` holds an array of {list(constant.value.shape)}"
        for node in graph.nodes:
            for problem in self._node(node, known):
                # those of a body's nodes stand under these already
                if not any(problem in told for told in self.notes.values()):
                    self.notes.setdefault(node, []).append(problem)
                yield problem
        yield from self._ends(graph, known)

    def _define(self, value: Value, known: set[Value]) -> Iterator[str]:
        if value in known:
            yield f"`{value.name}` is defined twice"
        elif value.name in self.names:
            yield f"two values are called `{value.name}`"
        self.names[value.name] = value
        known.add(value)

    def _node(self, node: Node, known: set[Value]) -> Iterator[str]:
        if node.path in self.paths:
            yield f"two nodes have the path `{node.path}`"
        self.paths.add(node.path)
        for value in node.inputs:
            if value is not None and value not in known:
                yield f"node `{node.path}` reads `{value.name}`, which is not defined before it"
        yield from self._types(node)
        yield from self._body(node, known)
        for value in node.outputs:
            yield from self._define(value, known)
            if value.producer is not node:
                yield f"`{value.name}` does not know its node `{node.path}`"

    def _types(self, node: Node) -> Iterator[str]:
        try:
            inferred = node.op.infer(*(None if v is None else v.type for v in node.inputs))
        except DlspecError as error:
            yield f"node `{node.path}`: {error.diagnostics[0].message}"
            return
        declared = tuple(v.type for v in node.outputs)
        if inferred != declared:
            shown = [", ".join(map(str, kinds)) for kinds in (declared, inferred)]
            yield f"node `{node.path}` has results {shown[0]}; its op infers {shown[1]}"

    def _body(self, node: Node, known: set[Value]) -> Iterator[str]:
        body = getattr(node.op, "body", None)
        if not isinstance(body, Graph):
            return
        captures: tuple[Value, ...] = getattr(node.op, "captures", ())
        if captures and node.inputs[-len(captures) :] != captures:
            yield f"node `{node.path}`: its captures are not the tail of its inputs"
        if body.kind != "body":
            yield f"node `{node.path}`: its body is a graph of kind {body.kind}"
        allowed: set[Value] = set(captures)
        made = set(body.values())
        for inner in body.nodes:
            for value in inner.inputs:
                if (
                    value is not None
                    and value not in made
                    and value in known
                    and value not in allowed
                ):
                    yield f"node `{node.path}`: its body reads `{value.name}`, which is no capture"
        yield from self._graph(body, allowed)

    def _ends(self, graph: Graph, known: set[Value]) -> Iterator[str]:
        seen: set[str] = set()
        for output in graph.outputs:
            if output.value not in known:
                yield f"output `{output.name}` is `{output.value.name}`, which is not defined"
            if output.name in seen:
                yield f"two outputs are called `{output.name}`"
            seen.add(output.name)
        updated: set[Buffer] = set[Buffer]()
        for buffer, value in graph.updates:
            if buffer not in graph.buffers:
                yield f"the update of `{buffer.name}` is of no buffer of this graph"
            if buffer in updated:
                yield f"`{buffer.name}` is updated twice"
            if value not in known:
                yield f"the update of `{buffer.name}` is `{value.name}`, which is not defined"
            elif value.type != buffer.type:
                yield f"the update of `{buffer.name}`, {buffer.type}, is {value.type}"
            updated.add(buffer)
