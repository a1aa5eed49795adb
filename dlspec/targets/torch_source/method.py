"""One method of an emitted module: a graph as statements.

First every node becomes an expression over placeholders; then expressions that are used once are
folded into the one that uses them; last, what is left is given names, which are used again as soon
as they are free.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dlspec.dims import Dim
from dlspec.ir.graph import Buffer, Constant, Graph, Input, Node, Parameter, Value
from dlspec.ir.types import DType
from dlspec.source import Span
from dlspec.targets.torch_source.context import Constants, Context, size_text
from dlspec.targets.torch_source.expressions import (
    number,
    parse,
    substitute,
    text_of,
    uses,
    with_literals,
    wrapped,
)
from dlspec.targets.torch_source.in_place import writes_in_place, written_to
from dlspec.targets.torch_source.names import RESERVED, identifier, is_bound, local_name
from dlspec.targets.torch_source.peephole import improve
from dlspec.targets.torch_source.tree import Tree

FOLD_LIMIT = 72
"""Longest statement, in columns, that folding may make; a shape comment follows it."""

LINE_LIMIT = 92


@dataclass(eq=False)
class Statement:
    """`targets = tree`; or, without a tree, a loop that the op writes itself."""

    node: Node | None
    targets: tuple[Value, ...]
    tree: ast.expr | None
    reads: tuple[Value, ...] = ()
    folded: bool = False
    span: Span | None = None
    nested: int = 0


@dataclass(eq=False)
class Scope:
    """Local variables: what each value is called now, and which names may not be taken."""

    texts: dict[Value, str] = field(default_factory=dict[Value, str])
    held: dict[str, Value] = field(default_factory=dict[str, Value])
    forbidden: set[str] = field(default_factory=set[str])


class Method:
    """Writes a graph as the statements of a method (and the bodies of its loops inside it)."""

    def __init__(
        self,
        graph: Graph,
        tree: Tree,
        constants: Constants,
        dtype: DType,
        parent: Method | None = None,
    ) -> None:
        self.graph = graph
        self.tree = tree
        self.constants = constants
        self.dtype = dtype
        self.symbols_used: dict[str, None] = parent.symbols_used if parent else {}
        self._parent = parent
        self._values: dict[str, Value] = parent._values if parent else {}
        self._scope = Scope()
        if parent is None:
            self._scope.forbidden = set(RESERVED) | set(graph.symbols)
        else:
            self._scope.texts = dict(parent._scope.texts)
            self._scope.forbidden = set(parent._scope.forbidden) | set(parent._scope.held)

    # --- the whole --------------------------------------------------------------------------------

    def arguments(self) -> list[tuple[Input, str]]:
        """Each input with the name of its argument; noise is passed by keyword."""
        found: list[tuple[Input, str]] = []
        for value in self.graph.inputs:
            name = identifier(value.name)
            self._scope.texts[value] = name
            self._scope.held[name] = value
            found.append((value, name))
        return found

    def lines(self) -> list[str]:
        """The statements of the method, the return among them; call `arguments` first."""
        results = tuple(o.value for o in self.graph.outputs)
        updates = tuple(v for _, v in self.graph.updates if not writes_in_place(v.producer))
        statements = self._statements((*results, *updates), returned=results)
        lines = self._write(statements, (*results, *updates))
        lines += self._updates()
        lines.append(f"return {', '.join(self._text(v) for v in results)}")
        if len(results) == 1:
            lines = _return_directly(lines)
        sizes = [f"{name} = {self._symbol_source(name)}" for name in self.symbols_used]
        return sizes + lines

    def size(self, dim: Dim) -> str:
        """A run-time size as text."""
        for name in sorted(dim.symbols):
            self.symbols_used.setdefault(name)
        return size_text(dim)

    def fresh(self, wanted: str) -> str:
        """A local variable that nothing else uses."""
        base = name = identifier(wanted)
        ordinal = 1
        while name in self._scope.forbidden or name in self._scope.held:
            ordinal += 1
            name = f"{base}{ordinal}"
        self._scope.forbidden.add(name)
        return name

    def body(self, graph: Graph, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
        """A loop's body: its statements and the texts of its outputs."""
        inner = Method(graph, self.tree, self.constants, self.dtype, self)
        for value, text in zip(graph.inputs, arguments, strict=True):
            inner._scope.texts[value] = text
            inner._scope.forbidden.add(text)
        results = tuple(o.value for o in graph.outputs)
        lines = inner._write(inner._statements(results), results)
        self._scope.forbidden |= set(inner._scope.held)
        return lines, [inner._text(v) for v in results]

    def _symbol_source(self, name: str) -> str:
        for value in self.graph.inputs:
            for axis, dim in enumerate(value.type.shape):
                if dim.symbol == name:
                    return f"{identifier(value.name)}.shape[{axis}]"
        raise KeyError(f"no input of {self.graph.name} has a dimension {name}")

    # --- expressions ------------------------------------------------------------------------------

    def _statements(
        self, roots: Iterable[Value], returned: tuple[Value, ...] = ()
    ) -> list[Statement]:
        made = [self._lower(node) for node in self.graph.nodes]
        counts: dict[Value, int] = {}
        for statement in made:
            for value in statement.reads:
                counts[value] = counts.get(value, 0) + 1
        for value in roots:
            counts[value] = counts.get(value, 0) + (1 if returned == (value,) else 2)
        pending: dict[Value, Statement] = {}
        for statement in made:
            if statement.tree is not None:
                self._fold_into(statement, pending, counts)
                if len(statement.targets) == 1 and counts.get(statement.targets[0], 0) == 1:
                    pending[statement.targets[0]] = statement
        return [s for s in made if not s.folded]

    def _lower(self, node: Node) -> Statement:
        reads = tuple(
            v for v in node.inputs if v is not None and not isinstance(v, (Parameter, Buffer))
        )
        if hasattr(node.op, "torch_statements"):
            return Statement(node, node.outputs, None, reads, span=node.span)
        texts = ["None" if v is None else self._placeholder(v) for v in node.inputs]
        context = Context(self, node, texts)
        layer = self.tree.layer(node)
        if layer is not None:
            count = len(node.inputs) - len(node.op.rule.parameters)
            tree = parse(f"{layer}({', '.join(texts[:count])})")
        else:
            tree = parse(node.op.torch(context, *texts))
        tree = self._constants(tree, node, context)
        found = tuple(self._values[name] for name in uses(tree, self._values.__contains__))
        targets = node.outputs[:1] if writes_in_place(node) else node.outputs
        return Statement(node, targets, tree, found, span=node.span)

    def _placeholder(self, value: Value) -> str:
        value = written_to(value)
        if isinstance(value, (Parameter, Buffer)):
            return self.tree.weight(value.name)
        name = f"v{id(value)}_"
        self._values[name] = value
        return name

    def _constants(self, tree: ast.expr, node: Node, context: Context) -> ast.expr:
        """Numbers where a tensor meets a constant scalar of its type, tensors for all other
        constants."""
        constants = [v for v in node.inputs if isinstance(v, Constant)]
        if not constants:
            return tree
        kinds = {v.type.dtype for v in node.inputs if v is not None}
        if len(kinds) == 1:
            scalars = {self._placeholder(c): self._number(c) for c in constants if c.type.rank == 0}
            tree = with_literals(tree, scalars)
        rest = {
            name: parse(context.constant(self._array(self._values[name])))
            for name in uses(tree, self._values.__contains__)
            if isinstance(self._values[name], Constant)
        }
        return substitute(tree, rest)

    def _number(self, constant: Constant) -> ast.expr:
        value = np.asarray(constant.value)
        if not constant.type.dtype.is_float:
            return number(value.item())
        if self.dtype is DType.float64:
            return number(float(value))
        return number(float(str(np.float32(value))))

    def _array(self, value: Value) -> np.ndarray:
        assert isinstance(value, Constant)
        dtype = value.type.dtype
        return np.asarray(value.value).astype((self.dtype if dtype.is_float else dtype).value)

    def _fold_into(
        self, statement: Statement, pending: dict[Value, Statement], counts: dict[Value, int]
    ) -> None:
        """Put the expressions of values used only here in the place of the values."""
        assert statement.tree is not None
        for value in dict.fromkeys(statement.reads):
            source = pending.pop(value, None)
            if source is None or source.tree is None or not _belong(source, statement):
                continue
            folded = substitute(
                copy.deepcopy(statement.tree), {self._placeholder(value): source.tree}
            )
            folded = improve(folded, scalar=all(t.type.rank == 0 for t in statement.targets))
            if len(self._estimate(statement.targets, folded)) > FOLD_LIMIT:
                continue
            statement.tree = folded
            statement.nested = max(statement.nested, source.nested + 1)
            position = statement.reads.index(value)
            statement.reads = (
                statement.reads[:position] + source.reads + statement.reads[position + 1 :]
            )
            source.folded = True

    def _estimate(self, targets: tuple[Value, ...], tree: ast.expr) -> str:
        names = {name: parse(local_name(v)) for name, v in self._names_in(tree)}
        head = ", ".join(local_name(v) for v in targets)
        return f"        {head} = {text_of(substitute(copy.deepcopy(tree), names))}"

    def _names_in(self, tree: ast.expr) -> list[tuple[str, Value]]:
        return [(name, self._values[name]) for name in uses(tree, self._values.__contains__)]

    # --- statements -------------------------------------------------------------------------------

    def _write(self, statements: Sequence[Statement], roots: tuple[Value, ...]) -> list[str]:
        last: dict[Value, int] = {}
        for index, statement in enumerate(statements):
            for value in statement.reads:
                last[value] = index
        for value in roots:
            last[value] = len(statements)
        lines: list[str] = []
        for index, statement in enumerate(statements):
            lines += self._write_one(statement, index, last)
        return lines

    def _write_one(self, statement: Statement, index: int, last: dict[Value, int]) -> list[str]:
        scope = self._scope
        if statement.tree is None:
            return self._write_loop(statement, index, last)
        names = {name: parse(self._text(v)) for name, v in self._names_in(statement.tree)}
        tree = substitute(copy.deepcopy(statement.tree), names)
        for name, held in list(scope.held.items()):
            if last.get(held, -1) <= index:
                del scope.held[name]
        targets = [self._take(v, v in last) for v in statement.targets]
        lines = wrapped(f"{', '.join(targets)} = ", tree, LINE_LIMIT)
        lines[-1] += _comment(statement, last)
        return lines

    def _write_loop(self, statement: Statement, index: int, last: dict[Value, int]) -> list[str]:
        node = statement.node
        assert node is not None
        scope = self._scope
        # a constant that only the body reads is written there, as a number where that will do
        captures = len(node.inputs) - len(getattr(node.op, "captures", ()))
        texts = [
            "" if v is None or (isinstance(v, Constant) and i >= captures) else self._text(v)
            for i, v in enumerate(node.inputs)
        ]
        context = Context(self, node, texts)
        outputs = [self._take(v, v in last) for v in statement.targets]
        outside = set(scope.forbidden)
        lines: list[str] = getattr(node.op, "torch_statements")(context, texts, outputs)  # noqa: B009
        scope.forbidden = outside  # the loop's own names are free again
        for name, held in list(scope.held.items()):
            if last.get(held, -1) <= index:
                del scope.held[name]
        return [_comment_line(statement), *lines]

    def _text(self, value: Value) -> str:
        if isinstance(value, (Parameter, Buffer)):
            return self.tree.weight(value.name)
        if isinstance(value, Constant):
            return self.constants.add(self._array(value), identifier(value.name))
        return self._scope.texts[value]

    def _take(self, value: Value, used: bool) -> str:
        """A name for a value: that of the spec, as far as it is free."""
        if not used:
            return "_"
        scope = self._scope
        base = name = local_name(value)
        if name in scope.held or name in scope.forbidden:
            base = name = identifier(value.name.rpartition(".")[2])
        ordinal = 1
        while name in scope.held or name in scope.forbidden:
            ordinal += 1
            name = f"{base}{ordinal}"
        scope.held[name] = value
        scope.texts[value] = name
        return name

    def _updates(self) -> list[str]:
        by_rule = [(b, v) for b, v in self.graph.updates if not writes_in_place(v.producer)]
        pairs = [(self.tree.weight(b.name), self._text(v)) for b, v in by_rule]
        if not pairs:
            return []
        return [
            "with torch.no_grad():",
            *(f"    {target}.copy_({source})" for target, source in pairs),
        ]


def _belong(source: Statement, statement: Statement) -> bool:
    """Whether a value may vanish into the statement that uses it: a step on the same line of the
    spec, or a nameless one."""
    if statement.nested >= 4 or is_bound(source.targets[0]):
        return False
    if source.span is not None and statement.span is not None:
        return source.span.line == statement.span.line
    return "." in source.targets[0].name


def _shape(value: Value) -> str:
    dims = ", ".join(str(d) for d in value.type.shape)
    return f"({dims},)" if value.type.rank == 1 else f"({dims})"


def _comment(statement: Statement, last: dict[Value, int]) -> str:
    shapes = ", ".join(_shape(v) for v in statement.targets if v in last)
    return f"  # {shapes}{_place(statement.span)}"


def _comment_line(statement: Statement) -> str:
    assert statement.node is not None
    return f"# {statement.node.path}{_place(statement.span)}"


def _place(span: Span | None) -> str:
    return "" if span is None else f"  {span.source.name.rpartition('/')[2]}:{span.line}"


def _return_directly(lines: list[str]) -> list[str]:
    """`x = f(y); return x` says `return f(y)`."""
    if len(lines) < 2 or not lines[-1].startswith("return "):
        return lines
    name = lines[-1].removeprefix("return ")
    head = f"{name} = "
    if lines[-2].startswith(head) and name.isidentifier():
        return [*lines[:-2], "return " + lines[-2].removeprefix(head)]
    return lines
