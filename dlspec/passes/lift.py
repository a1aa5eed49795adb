"""Work that a loop need not do at every step, done once: what no step changes before it, and what
no later step hears of for all steps together, before or after it.

A decoder with attention projects its memory, embeds the words that it is given and turns states
into scores of thousands of words: with the words known (`scan`) all that is left in the loop is
what the next step waits for. Of a loop that feeds itself (`generate`) only the first holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dlspec.dims import Dim
from dlspec.ir.builder import free_values
from dlspec.ir.graph import Buffer, Constant, Graph, Input, Node, Output, Parameter, Value
from dlspec.ops.base import Op
from dlspec.ops.control import Scan
from dlspec.ops.joining import Concat
from dlspec.ops.layer_norm import LastAxesNorm
from dlspec.ops.lengths import Masked
from dlspec.ops.sequence import RowsAsSteps, StepsAsRows
from dlspec.passes.naming import Naming, naming_of
from dlspec.passes.rewrite import rewritten


def lift(graph: Graph) -> Graph:
    """The graph with all that its loops need not do at every step outside of them."""
    paths = [node.path for node in graph.nodes if _body(node) is not None]
    naming = naming_of(graph) if paths else None
    for path in paths:
        assert naming is not None
        for part in (_unchanging, _early, _late):
            at = next(i for i, n in enumerate(graph.nodes) if n.path == path)
            moved = part(graph.nodes[at], naming)
            if moved is not None:
                graph = moved.into(graph, at)
    return graph


@dataclass
class _Moved:
    """A loop made anew, what stands before and behind it now, and what reads its old results."""

    node: Node
    before: list[Node] = field(default_factory=list[Node])
    after: list[Node] = field(default_factory=list[Node])
    replaced: dict[Value, Value] = field(default_factory=dict[Value, Value])

    def into(self, graph: Graph, at: int) -> Graph:
        """The graph with this in place of the loop that stands there."""
        nodes = [
            *graph.nodes[:at],
            *self.before,
            self.node,
            *self.after,
            *graph.nodes[at + 1 :],
        ]
        return rewritten(replace(graph, nodes=nodes), self.replaced)


def _body(node: Node) -> Graph | None:
    body = getattr(node.op, "body", None)
    return body if isinstance(body, Graph) else None


# --- what no step changes -------------------------------------------------------------------------


def _unchanging(node: Node, naming: Naming) -> _Moved | None:
    """Nodes that read nothing of a step go before the loop."""
    body = _body(node)
    assert body is not None
    changing: set[Value] = {*body.inputs, *body.parameters, *body.buffers, *body.constants}
    moved: list[Node] = []
    for inner in body.nodes:
        held = inner.op.buffers or _body(inner) is not None
        if held or any(v in changing for v in inner.inputs):
            changing.update(inner.outputs)
        else:
            moved.append(inner)
    if not moved:
        return None
    left = replace(body, nodes=[n for n in body.nodes if n not in moved])
    loop: Any = node.op
    made = _loop(node, left, node.inputs[: len(node.inputs) - len(loop.captures)])
    return _Moved(made, before=moved, replaced=dict(zip(node.outputs, made.outputs, strict=True)))


def _loop(node: Node, body: Graph, inputs: Sequence[Value | None], **settings: Any) -> Node:
    """The loop over another body, with results of its own where their number is the same."""
    captures = free_values(body)
    loop: Any = node.op
    op: Op = replace(loop, body=body, captures=captures, **settings)
    given = (*inputs, *captures)
    kinds = op.infer(*(None if v is None else v.type for v in given))
    old = node.outputs if len(kinds) == len(node.outputs) else ()
    outputs = tuple(Value(v.name, v.type, v.span) for v in old)
    return Node(op, given, outputs, node.path, node.span)


# --- what needs no other step ---------------------------------------------------------------------


def _is_weight(value: Value) -> bool:
    """Whether a value is a weight or made of nothing but weights."""
    if isinstance(value, (Parameter, Buffer, Constant)):
        return True
    given = [] if value.producer is None else [v for v in value.producer.inputs if v is not None]
    return bool(given) and all(_is_weight(v) for v in given)


def _by_rows(node: Node, batch: Dim) -> bool:
    """Whether a node treats the examples of a batch one by one, so that steps may be examples."""
    op, made = node.op, [v.type for v in node.outputs]
    read = [v.type for v in node.inputs if v is not None and not _is_weight(v)]
    if op.buffers or _body(node) is not None or not read:
        return False
    if any(not k.rank or k.shape[0] != batch or k.ragged for k in (*read, *made)):
        return False
    if isinstance(op, Concat):
        return op.axis % made[0].rank != 0
    fixed = [v.type for v in node.inputs if v is not None and isinstance(v, Constant)]
    if any(k.rank >= max(m.rank for m in made) for k in fixed):
        return False
    if isinstance(op, LastAxesNorm):
        return 0 not in op.normed(made[0].rank)
    same = all(k.rank == made[0].rank for k in read) or len(read) == 1
    return op.ragged == "pointwise" and same


def _is_worth_it(nodes: Iterable[Node]) -> bool:
    """Whether there is a product with weights among them, or a table is looked up."""
    read = (v for n in nodes for v in n.inputs)
    wide = (v for v in read if v is not None and v.type.rank > 1)
    return any(_is_weight(v) and not isinstance(v, (Buffer, Constant)) for v in wide)


class _Rows:
    """Nodes of a body carried out for all steps as rows; ``time_first``, in the order in which a
    loop reads them, or else as they stand in the tensors around it."""

    def __init__(self, node: Node, naming: Naming, *, time_first: bool) -> None:
        self.node = node
        self.naming = naming
        self.time_first = time_first
        self.nodes: list[Node] = []
        self.rows: dict[Value, Value] = {}
        loop = node.op
        assert isinstance(loop, Scan)
        self.lengths = node.inputs[loop.stepped + loop.states] if loop.lengths else None

    def _made(self, op: Op, inputs: Sequence[Value | None], name: str, kind: str) -> Value:
        (made,) = op.infer(*(None if v is None else v.type for v in inputs))
        value = Value(self.naming(name), made, self.node.span)
        path = self.naming(f"{self.node.path}.{kind}")
        self.nodes.append(Node(op, tuple(inputs), (value,), path, self.node.span))
        return value

    def enter(self, formal: Value, steps: Value, *, settled: bool) -> None:
        """A tensor with time as rows; ``formal`` stood for one step of it. It is ``settled`` where
        it has 0 behind the lengths already."""
        if self.lengths is not None:
            covered = Masked(keep=False, settled=settled)
            steps = self._made(covered, (steps, self.lengths), f"{steps.name}.covered", "covered")
        op = StepsAsRows(time_first=self.time_first)
        self.rows[formal] = self._made(op, (steps,), f"{formal.name}.rows", "rows")
        self.like = steps

    def carry(self, node: Node) -> None:
        """A node of the body, on rows."""
        inputs = tuple(None if v is None else self.rows.get(v, v) for v in node.inputs)
        kinds = node.op.infer(*(None if v is None else v.type for v in inputs))
        outputs = tuple(
            Value(self.naming(f"{v.name}.rows"), k, v.span)
            for v, k in zip(node.outputs, kinds, strict=True)
        )
        self.rows.update(zip(node.outputs, outputs, strict=True))
        path = self.naming(f"{node.path}.rows")
        self.nodes.append(Node(node.op, inputs, outputs, path, node.span))

    def leave(self, value: Value, name: str) -> Value:
        """What a value of the body is with time; behind the lengths, what is made of 0."""
        op = RowsAsSteps(time_first=self.time_first)
        return self._made(op, (self.rows[value], self.like), f"{name}.steps", "steps")

    def kept(self, steps: Value, name: str) -> Value:
        """Steps with 0 behind the lengths."""
        if self.lengths is None:
            return steps
        return self._made(Masked(), (steps, self.lengths), f"{name}.kept", "kept")


def _early(node: Node, naming: Naming) -> _Moved | None:
    """What a step's inputs alone decide, for all steps before the loop: its results are stepped."""
    loop = node.op
    if not isinstance(loop, Scan) or loop.truncate:
        return None
    body, batch = loop.body, loop.body.inputs[0].type
    if not batch.rank:
        return None
    steps: dict[Value, Value | None] = dict(
        zip(body.inputs[: loop.stepped], node.inputs[: loop.stepped], strict=True)
    )
    known: set[Value] = {*steps}
    moved: list[Node] = []
    for inner in body.nodes:
        told = all(v is None or v in known or _is_weight(v) for v in inner.inputs)
        if told and _by_rows(inner, batch.shape[0]):
            moved.append(inner)
            known.update(inner.outputs)
    if not _is_worth_it(moved):
        return None
    kept = [n for n in body.nodes if n not in moved]
    read = {v for n in kept for v in n.inputs} | {o.value for o in body.outputs}
    rows = _Rows(node, naming, time_first=True)
    heard = {v for n in moved for v in n.inputs}
    for formal, actual in steps.items():
        if formal in heard and actual is not None:
            rows.enter(formal, actual, settled=False)
    for inner in moved:
        rows.carry(inner)
    formals = [f for f in body.inputs[: loop.stepped] if f in read]
    actuals = [steps[f] for f in formals]
    replaced: dict[Value, Value] = {}
    for value in (v for n in moved for v in n.outputs if v in read):
        formal = Input(naming(f"{value.name}.step"), value.type, value.span, origin="step")
        replaced[value] = formal
        formals.append(formal)
        # the loop itself passes over what is behind the lengths
        actuals.append(rows.leave(value, value.name))
    left = replace(body, nodes=kept, inputs=[*formals, *body.inputs[loop.stepped :]])
    left = rewritten(left, replaced)
    states = node.inputs[loop.stepped : len(node.inputs) - len(loop.captures)]
    made = _loop(node, left, (*actuals, *states), stepped=len(formals))
    ends = dict(zip(node.outputs, made.outputs, strict=True))
    return _Moved(made, before=rows.nodes, replaced=ends)


def _late(node: Node, naming: Naming) -> _Moved | None:
    """What no next step waits for, for all steps behind the loop."""
    loop = node.op
    if not isinstance(loop, Scan) or loop.truncate or not loop.body.inputs[0].type.rank:
        return None
    body, batch = loop.body, loop.body.inputs[0].type.shape[0]
    shown = body.outputs[loop.states :]
    stepped: dict[Value, Value | None] = dict(
        zip(body.inputs[: loop.stepped], node.inputs, strict=False)
    )
    made_here = {v for n in body.nodes for v in n.outputs}
    late = _behind(body, batch, loop.states, made_here | {*stepped})
    if not _is_worth_it(late):
        return None
    results = {v for n in late for v in n.outputs}
    crossing = dict.fromkeys(
        v for n in late for v in n.inputs if v is not None and v not in results
    )
    kept = [o for o in shown if o.value not in results]
    fresh = [
        Output(naming(f"{v.name}.out"), v)
        for v in crossing
        if v in made_here and all(o.value is not v for o in kept)
    ]
    if not kept and not fresh and not loop.states:
        return None
    left = replace(
        body,
        nodes=[n for n in body.nodes if n not in late],
        outputs=[*body.outputs[: loop.states], *kept, *fresh],
    )
    read = {v for n in left.nodes for v in n.inputs} | {o.value for o in left.outputs}
    heard = [f for f in stepped if f in read] or [*stepped][:1]
    states = body.inputs[loop.stepped :]
    left = replace(left, inputs=[*(f for f in body.inputs if f in heard), *states])
    others = node.inputs[loop.stepped : len(node.inputs) - len(loop.captures)]
    again = _loop(node, left, (*(stepped[f] for f in heard), *others), stepped=len(heard))
    named = dict(zip((o.name for o in shown), node.outputs, strict=False))
    kinds = again.op.infer(*(None if v is None else v.type for v in again.inputs))
    names = [named[o.name].name for o in kept] + [naming(f"{o.value.name}.all") for o in fresh]
    names += [v.name for v in node.outputs[len(shown) :]]
    outputs = tuple(Value(n, k, node.span) for n, k in zip(names, kinds, strict=True))
    made = Node(again.op, again.inputs, outputs, node.path, node.span)
    ends = outputs[len(outputs) - loop.states :] if loop.states else ()
    replaced = dict(zip(node.outputs[len(shown) :], ends, strict=True))
    collected: dict[Value, Value] = {}
    for output, value in zip((*kept, *fresh), outputs, strict=False):
        collected[output.value] = value
        if output.name in named:
            replaced[named[output.name]] = value
    rows = _Rows(made, naming, time_first=False)
    for value in crossing:
        if value in collected:
            rows.enter(value, collected[value], settled=True)
        elif (actual := stepped.get(value)) is not None:
            rows.enter(value, actual, settled=False)
    for inner in late:
        rows.carry(inner)
    for output in shown:
        if output.value in results:
            old = named[output.name]
            replaced[old] = rows.kept(rows.leave(output.value, old.name), old.name)
    return _Moved(made, after=rows.nodes, replaced=replaced)


def _behind(body: Graph, batch: Dim, states: int, own: Collection[Value]) -> list[Node]:
    """The nodes that only results outside depend on, and that treat examples one by one."""
    waiting = {o.value for o in body.outputs[:states]}
    found: list[Node] = []
    for node in reversed(body.nodes):
        heard = [v for v in node.inputs if v is not None]
        fits = all(v in own or _is_weight(v) for v in heard) and _by_rows(node, batch)
        if fits and not waiting.intersection(node.outputs):
            found.insert(0, node)
        else:
            waiting.update(heard)
    return found
