"""One line of a spec explained: shapes in and out, parameters, and what it lowers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dlspec.diagnostics import DlspecError, Sink
from dlspec.diagnostics.inspect import LineWithoutNode
from dlspec.diagnostics.render import wrapped
from dlspec.diagnostics.snippet import Mark, Paint, draw
from dlspec.dims import text_of
from dlspec.inspect.cost import elements, graph_cost, node_cost
from dlspec.inspect.fold import Group, groups_of, outline, result, runs
from dlspec.inspect.lowering import onnx_lines, torch_lines, weights_of
from dlspec.inspect.scene import flowing
from dlspec.inspect.summary import symbol_sizes
from dlspec.inspect.wording import count_text, flops_text, op_text, short
from dlspec.ir.graph import Buffer, Node, Parameter
from dlspec.ir.plan import NetworkPlan
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast as syntax
from dlspec.syntax import parse

_MOST_TORCH = 16


@dataclass(frozen=True)
class Weight:
    """A parameter or buffer of an application."""

    name: str
    type: str
    start: str
    count: int
    trained: bool


@dataclass(frozen=True)
class Application:
    """One op of the line; ``alike`` are the paths of others that were built from the same text."""

    path: str
    op: str
    span: Span
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[Weight, ...]
    macs: int
    flops: int
    onnx: tuple[str, ...]
    alike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Use:
    """A block that the line applies, as the table tells it."""

    name: str
    kind: str
    count: int
    shape: str
    parameters: int
    flops: int


@dataclass(frozen=True)
class Explanation:
    """What one line does."""

    network: str
    source: SourceFile
    line: int
    sizes: Mapping[str, int]
    applications: tuple[Application, ...]
    torch: tuple[str, ...]
    blocks: tuple[Use, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data; places as columns from 1."""
        told: list[dict[str, Any]] = []
        for found in self.applications:
            start, end = (self.source.position(o)[1] for o in (found.span.start, found.span.end))
            plain = {k: getattr(found, k) for k in found.__dataclass_fields__ if k != "span"}
            plain["weights"] = [asdict(w) for w in found.weights]
            told.append({**plain, "columns": [start, end]})
        return {
            "network": self.network,
            "spec": self.source.name,
            "line": self.line,
            "text": self.source.line(self.line),
            "sizes": dict(self.sizes),
            "applications": told,
            "blocks": [asdict(b) for b in self.blocks],
            "torch": list(self.torch),
        }


def explain_line(
    plan: NetworkPlan, source: SourceFile, line: int, *, at: Mapping[str, int] | None = None
) -> Explanation:
    """Everything about a line of a spec.

    Args:
        plan: the network.
        source: the spec.
        line: from 1.
        at: sizes of symbols, for FLOPs.

    Raises:
        DlspecError: DL641 if nothing of the network is computed there; it says what the line is.
    """
    graph = plan.graph
    sizes = symbol_sizes(plan, at)
    here = [n for n in graph.nodes if n.span is not None and n.span.source == source]
    nodes = [n for n in here if n.span is not None and n.span.line == line]
    nodes = nodes or _covering(here, line)
    blocks = _blocks(plan, source, line, sizes)
    if not nodes and not blocks:
        raise DlspecError(_nothing(plan, source, line, here))
    first, alike = _distinct(nodes)
    onnx = onnx_lines(first)
    told = tuple(_application(n, alike[n], sizes, onnx[n]) for n in first)
    places = {n.span.line: n.span for n in first if n.span is not None}
    repeats = any(alike.values())
    torch = torch_lines(graph, first, list(places.values()), once=repeats) if first else []
    return Explanation(plan.name, source, line, sizes, told, tuple(torch), blocks)


def _covering(nodes: Sequence[Node], line: int) -> list[Node]:
    """The innermost nodes whose text reaches over a line: a call written on several."""
    over: list[tuple[int, Node]] = []
    for node in nodes:
        if node.span is not None:
            last = node.span.source.position(max(node.span.start, node.span.end - 1))[0]
            if node.span.line <= line <= last:
                over.append((node.span.end - node.span.start, node))
    least = min((size for size, _ in over), default=0)
    return [n for size, n in over if size == least]


def _distinct(nodes: Sequence[Node]) -> tuple[list[Node], dict[Node, list[Node]]]:
    """One node for each text of the line and form; others that are alike beside it. Of a block
    that is applied with several sizes, the first application stands for all."""
    first: dict[tuple[int, int, str], Node] = {}
    alike: dict[Node, list[Node]] = {}
    for node in nodes:
        assert node.span is not None
        key = (node.span.start, node.span.end, node.op.name)
        kept = first.setdefault(key, node)
        alike.setdefault(kept, [])
        if kept is not node:
            alike[kept].append(node)
    return list(first.values()), alike


def _application(
    node: Node, alike: Sequence[Node], sizes: Mapping[str, int], onnx: Sequence[str]
) -> Application:
    assert node.span is not None
    cost = node_cost(node, sizes)
    weights = tuple(
        Weight(v.name, str(v.type), str(v.init), elements(v, sizes), isinstance(v, Parameter))
        for v in weights_of(node)
        if isinstance(v, (Parameter, Buffer))
    )
    return Application(
        node.path,
        op_text(node),
        node.span,
        tuple(str(v.type) for v in flowing(node)),
        tuple(str(v.type) for v in node.outputs),
        weights,
        cost.macs,
        cost.flops,
        tuple(onnx),
        tuple(n.path for n in alike),
    )


# --- blocks and other lines ---------------------------------------------------------------------


def calls_of(source: SourceFile) -> dict[int, list[str]]:
    """The names that are called on each line of a spec, in order."""
    found: dict[int, list[tuple[int, str]]] = {}

    def walk(thing: object) -> None:
        if isinstance(thing, tuple):
            items: tuple[object, ...] = thing
            for item in items:
                walk(item)
        elif isinstance(thing, syntax.Node):
            if isinstance(thing, (syntax.Call, syntax.Pipe)):
                name = thing.function
                if isinstance(name, syntax.Name):
                    found.setdefault(name.span.line, []).append((name.span.start, name.id))
            for value in vars(thing).values():
                walk(value)

    walk(parse(source, Sink()).items)
    return {n: list(dict.fromkeys(name for _, name in sorted(c))) for n, c in found.items()}


def _blocks(
    plan: NetworkPlan, source: SourceFile, line: int, sizes: Mapping[str, int]
) -> tuple[Use, ...]:
    """The applications of the blocks that a line calls, folded."""
    kinds = calls_of(source).get(line, [])
    every = groups_of(outline(plan.graph.nodes)) if kinds else []
    found: list[Use] = []
    for run in runs([g for g in every if g.kind in kinds]):
        first, last = run.first, run.items[-1]
        assert isinstance(first, Group) and isinstance(last, Group)
        weights = {v for n in run.nodes for v in n.inputs if isinstance(v, Parameter)}
        name = first.name if first is last else f"{first.name} … {last.name}"
        found.append(
            Use(
                name,
                first.kind,
                len(run.items),
                text_of(result(last).type.shape),
                sum(elements(w, sizes) for w in weights),
                graph_cost(run.nodes, sizes).flops,
            )
        )
    return tuple(found)


def _nothing(
    plan: NetworkPlan, source: SourceFile, line: int, here: Sequence[Node]
) -> LineWithoutNode:
    lines = sorted({n.span.line for n in here if n.span is not None})
    listed = ", ".join(_ranges(lines)) or None
    rows = source.text.split("\n")
    last = len(rows) - source.text.endswith("\n")
    if line > last:
        told = f"the spec has {last} lines"
        return LineWithoutNode(None, source.name, line, plan.name, "", listed, told)
    text = rows[line - 1]
    start = sum(len(row) + 1 for row in rows[: line - 1]) + len(text) - len(text.lstrip())
    span = Span(source, start, start + max(1, len(text.strip())))
    what = _kind_of(source, line, text.strip())
    return LineWithoutNode(span, source.name, line, plan.name, what, listed)


def _ranges(numbers: Sequence[int]) -> list[str]:
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return [f"{r[0]} to {r[-1]}" if len(r) > 1 else str(r[0]) for r in found]


_KINDS: Mapping[str, str] = {
    "Import": "an import",
    "Const": "a constant",
    "Data": "part of a data set",
    "Recipe": "part of a recipe: how it learns",
    "Engine": "part of an engine: where it runs",
    "Experiment": "part of an experiment",
    "Check": "a check",
}


def _kind_of(source: SourceFile, line: int, text: str) -> str:
    if not text:
        return "an empty line"
    if text.startswith("#"):
        return "a comment"
    for item in parse(source, Sink()).items:
        first = item.span.line
        last = source.position(max(item.span.start, item.span.end - 1))[0]
        if not first <= line <= last:
            continue
        if not isinstance(item, syntax.Definition):
            return _KINDS[type(item).__name__]
        if line == first:
            return f"the head of {item.kind} `{item.name}`"
        if text.startswith(("input ", "noise ")):
            return "a declaration: what comes in is computed elsewhere"
        if text.startswith("output ") and len(text.split()) == 2:
            return "a declaration: what goes out is computed above"
        return "known at compile time, or not part of this network"
    return "no part of a network"


# --- as text ------------------------------------------------------------------------------------


def explanation_text(found: Explanation, *, colour: bool = False, width: int = 80) -> str:
    """The line with marks, and below it each op."""
    paint = Paint(colour, "warning")
    sizes = ", ".join(f"{k} = {v}" for k, v in found.sizes.items())
    lines = [paint.bold(f"{found.source.name}:{found.line}") + f", network {found.network}", ""]
    spans = list(dict.fromkeys((a.span.start, a.span.end) for a in found.applications))
    marks = [Mark(Span(found.source, a, b), "", True) for a, b in spans]
    margin = len(str(found.line)) + 2
    if marks:
        lines += draw(found.source, marks, margin, paint, width - margin - 3)
    else:
        lines.append(f"{paint.frame(f'{found.line:>{margin}} |')} {found.source.line(found.line)}")
    for block in found.blocks:
        lines += ["", *_block_lines(block, paint)]
    for one in found.applications:
        lines += ["", *_application_lines(one, paint, sizes, width)]
    if found.torch:
        shown = found.torch[:_MOST_TORCH]
        lines += ["", paint.bold("PyTorch"), *(f"    {line}" for line in shown)]
        more = len(found.torch) - len(shown)
        lines += [f"    … {more} more lines"] if more else []
    return "\n".join(lines)


def _block_lines(block: Use, paint: Paint) -> list[str]:
    count = f"{block.count} × " if block.count > 1 else ""
    told = f"{count_text(block.parameters)} parameters, {flops_text(block.flops)}"
    head = f"{paint.bold(block.name)}  {count}{block.kind}"
    return [head, f"    makes {block.shape}: {told}"]


def _application_lines(one: Application, paint: Paint, sizes: str, width: int) -> list[str]:
    lines = [f"{paint.bold(one.path)}  {one.op}"]
    flow = f"{', '.join(one.inputs)} → {', '.join(one.outputs)}".strip()
    lines += _hung(flow, "", width)
    names = max((len(w.name) for w in one.weights), default=0)
    types = max((len(w.type) for w in one.weights), default=0)
    for weight in one.weights:
        kind = "" if weight.trained else ", a buffer"
        lines.append(
            f"    {weight.name:<{names}}  {weight.type:<{types}}  "
            f"{weight.count:,} from {weight.start}{kind}"
        )
    if one.flops:
        at = f" at {sizes}" if sizes else ""
        macs = f", {short(one.macs)} multiply-adds" if one.macs else ""
        lines.append(f"    {flops_text(one.flops)}{at}{macs}")
    for line in one.onnx:
        lines += _hung(line, "ONNX  ", width)
    if one.alike:
        lines += _hung(_others(one.alike), "", width)
    return lines


def _others(paths: Sequence[str]) -> str:
    few = ", ".join(paths[:2])
    ending = f", … {paths[-1]}" if len(paths) > 2 else ""
    return f"also {len(paths)} times more: {few}{ending}"


def _hung(text: str, label: str, width: int) -> list[str]:
    body = wrapped(text, width - 4 - len(label) - 2)
    rest = " " * (4 + len(label) + 2)
    return [f"    {label}{body[0]}", *(rest + line for line in body[1:])]
