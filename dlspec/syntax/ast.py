"""The abstract syntax of a spec: what was written, with the place of each part.

Nodes are immutable and know nothing of meaning. `span` covers the whole construct.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dlspec.late import late_dataclass
from dlspec.source import Span


@dataclass(frozen=True)
class Node:
    """Base of all syntax nodes."""

    span: Span


# --- expressions -------------------------------------------------------------------------------


@late_dataclass
class Number(Node):
    """`5`, `0.1`, `2e-4`, `15%` (value 0.15, ``text`` keeps how it was written)."""

    value: int | float
    text: str


@late_dataclass
class Quantity(Node):
    """A number with a unit: `20 epochs`."""

    value: int | float
    text: str
    unit: str


@late_dataclass
class String(Node):
    """`"cat.jpg"`."""

    value: str


@late_dataclass
class Bool(Node):
    """`true`, `false`."""

    value: bool


@late_dataclass
class Name(Node):
    """A name that is read."""

    id: str


@late_dataclass
class Primed(Node):
    """The next state, `h'`; ``id`` is without the prime."""

    id: str


@late_dataclass
class List(Node):
    """`[a, b]`."""

    items: tuple[Expr, ...]


@late_dataclass
class Tuple(Node):
    """`(a, b)`."""

    items: tuple[Expr, ...]


@late_dataclass
class Unary(Node):
    """`-x`, `not x`."""

    op: Literal["-", "not"]
    operand: Expr


@late_dataclass
class Binary(Node):
    """``op`` is one of + - * / // % @ ** == != < <= > >= and or .. ; ``op_span`` is its place."""

    op: str
    left: Expr
    right: Expr
    op_span: Span


@late_dataclass
class Argument(Node):
    """An argument of a call; ``name`` is None for a positional one."""

    name: str | None
    value: Expr


@late_dataclass
class Call(Node):
    """`f(a, k = b)`."""

    function: Expr
    arguments: tuple[Argument, ...]


@late_dataclass
class Attribute(Node):
    """`a.name`; ``name_span`` is the place of the name alone."""

    object: Expr
    name: str
    name_span: Span


@late_dataclass
class Slice(Node):
    """`a:b` inside an index; a missing end is None."""

    start: Expr | None
    stop: Expr | None


@late_dataclass
class Index(Node):
    """`a[i, 2:4]`."""

    object: Expr
    items: tuple[Expr | Slice, ...]


@late_dataclass
class Pipe(Node):
    """`a -> f(b)`; ``alias`` names value and layer: `a -> f as name`."""

    value: Expr
    function: Expr
    alias: str | None
    alias_span: Span | None


Expr = (
    Number | Quantity | String | Bool | Name | Primed | List | Tuple | Unary | Binary | Call
    | Attribute | Index | Pipe
)  # fmt: skip


# --- types -------------------------------------------------------------------------------------


@late_dataclass
class Dim(Node):
    """One entry of a type's dims: exact `N`, ragged `<=T`, rest `...` (``expr`` is None)."""

    kind: Literal["exact", "ragged", "rest"]
    expr: Expr | None


@late_dataclass
class TypeExpr(Node):
    """`float[N, <=T] of words`; ``dims`` is None where no brackets were written."""

    dtype: str
    dims: tuple[Dim, ...] | None
    of: Expr | None


# --- statements --------------------------------------------------------------------------------


@late_dataclass
class Target(Node):
    """What is bound: a name (`path` of one), a dotted path, or a primed name."""

    path: tuple[str, ...]
    primed: bool = False

    @property
    def name(self) -> str:
        """The name as written, without the prime."""
        return ".".join(self.path)


@late_dataclass
class Assign(Node):
    """`a, b: float[N] = x, y`."""

    targets: tuple[Target, ...]
    type: TypeExpr | None
    values: tuple[Expr, ...]


@late_dataclass
class Input(Node):
    """`input x: float[N, 2]`."""

    name: str
    name_span: Span
    type: TypeExpr
    value: Expr | None


@late_dataclass
class Output(Node):
    """`output y: int[N] = argmax(x)`; a target alone, `output y`, outputs what is bound."""

    target: Target
    type: TypeExpr | None
    value: Expr | None


@late_dataclass
class State(Node):
    """`state h: float[N, units] = 0`."""

    name: str
    name_span: Span
    type: TypeExpr
    value: Expr | None


@late_dataclass
class Param(Node):
    """`param bias: float[19, 19] = zeros`."""

    name: str
    name_span: Span
    type: TypeExpr
    value: Expr | None


@late_dataclass
class Noise(Node):
    """`noise e: float[N, 2] ~ normal(0, 1)`."""

    name: str
    name_span: Span
    type: TypeExpr
    distribution: Expr


@late_dataclass
class Return(Node):
    """`return x, y`."""

    values: tuple[Expr, ...]


@late_dataclass
class Group(Node):
    """A member of `over`, with its optimiser: `net.head with adam(0.001)`."""

    choice: Expr
    optimizer: Expr | None


@late_dataclass
class Goal(Node):
    """`minimize e over a with b, c with d for 200 steps` (or `maximize`)."""

    sense: Literal["minimize", "maximize"]
    objective: Expr
    over: tuple[Group, ...]
    optimizer: Expr | None
    duration: Expr | None


@late_dataclass
class Load(Node):
    """`load net.part from "build/other"`."""

    choice: Expr
    source: Expr


@late_dataclass
class For(Node):
    """`for i in 1..n { … }`; several iterables are the rounds written out."""

    names: tuple[Target, ...]
    iterables: tuple[Expr, ...]
    body: tuple[Statement, ...]


@late_dataclass
class If(Node):
    """`if c { … } else { … }`."""

    condition: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


@late_dataclass
class Guarded(Node):
    """`statement when condition`."""

    statement: Statement
    condition: Expr


@late_dataclass
class Turn(Node):
    """`step critic { … }`, `stage warm { … }`."""

    kind: Literal["step", "stage"]
    name: str
    name_span: Span
    body: tuple[Statement, ...]


Statement = (
    Assign | Input | Output | State | Param | Noise | Return | Goal | Load | For | If | Guarded
    | Turn
)  # fmt: skip


# --- definitions -------------------------------------------------------------------------------


@late_dataclass
class Parameter(Node):
    """A parameter of a definition; ``default`` makes it optional."""

    name: str
    type: TypeExpr | None
    default: Expr | None


@late_dataclass
class Import(Node):
    """`import "vgg.dl" as zoo`."""

    path: str
    path_span: Span
    alias: str | None


@late_dataclass
class Const(Node):
    """`const rows = 128`."""

    name: str
    name_span: Span
    value: Expr


@late_dataclass
class Definition(Node):
    """A `network`, `block` or `cell`. A block's parameters before `;` are ``inputs``; a network's
    or a cell's parameters are all ``settings``."""

    kind: Literal["network", "block", "cell"]
    name: str
    name_span: Span
    inputs: tuple[Parameter, ...]
    settings: tuple[Parameter, ...]
    body: tuple[Statement, ...]


@late_dataclass
class Data(Node):
    """`data d(setting = 1) { … }` or `data d = mnist()` (``value`` is set, ``body`` empty)."""

    name: str
    name_span: Span
    settings: tuple[Parameter, ...]
    value: Expr | None
    body: tuple[Statement, ...]


@late_dataclass
class Use(Node):
    """What a recipe is `for` or `on`: an expression (usually a call) and its other name."""

    value: Expr
    alias: str | None


@late_dataclass
class Recipe(Node):
    """`recipe r(setting = x) for net as n on data as d { … }`."""

    name: str
    name_span: Span
    settings: tuple[Parameter, ...]
    networks: tuple[Use, ...]
    data: tuple[Use, ...]
    body: tuple[Statement, ...]


@late_dataclass
class Engine(Node):
    """`engine edge for recipe.network { … }`."""

    name: str
    name_span: Span
    subject: Use
    body: tuple[Statement, ...]


@late_dataclass
class Experiment(Node):
    """`experiment e runs recipe { … }`."""

    name: str
    name_span: Span
    runs: tuple[Use, ...]
    body: tuple[Statement, ...]


@late_dataclass
class Check(Node):
    """`check e : [1, 10]` (a type) or `check e == value within 0.005` (a comparison)."""

    value: Expr
    dims: tuple[Dim, ...] | None
    within: Expr | None


Item = Import | Const | Definition | Data | Recipe | Engine | Experiment | Check


@late_dataclass
class File(Node):
    """A whole spec."""

    items: tuple[Item, ...]
