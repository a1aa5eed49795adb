"""The abstract syntax of a spec: what was written, with the place of each part.

Nodes are immutable and know nothing of meaning. `span` covers the whole construct.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dlspec.source import Span


@dataclass(frozen=True)
class Node:
    """Base of all syntax nodes."""

    span: Span


# --- expressions -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number(Node):
    """`5`, `0.1`, `2e-4`, `15%` (value 0.15, ``text`` keeps how it was written)."""

    value: int | float
    text: str


@dataclass(frozen=True)
class Quantity(Node):
    """A number with a unit: `20 epochs`."""

    value: int | float
    text: str
    unit: str


@dataclass(frozen=True)
class String(Node):
    """`"cat.jpg"`."""

    value: str


@dataclass(frozen=True)
class Bool(Node):
    """`true`, `false`."""

    value: bool


@dataclass(frozen=True)
class Name(Node):
    """A name that is read."""

    id: str


@dataclass(frozen=True)
class Primed(Node):
    """The next state, `h'`; ``id`` is without the prime."""

    id: str


@dataclass(frozen=True)
class List(Node):
    """`[a, b]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Tuple(Node):
    """`(a, b)`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Unary(Node):
    """`-x`, `not x`."""

    op: Literal["-", "not"]
    operand: Expr


@dataclass(frozen=True)
class Binary(Node):
    """``op`` is one of + - * / // % @ ** == != < <= > >= and or .. ; ``op_span`` is its place."""

    op: str
    left: Expr
    right: Expr
    op_span: Span


@dataclass(frozen=True)
class Argument(Node):
    """An argument of a call; ``name`` is None for a positional one."""

    name: str | None
    value: Expr


@dataclass(frozen=True)
class Call(Node):
    """`f(a, k = b)`."""

    function: Expr
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Attribute(Node):
    """`a.name`; ``name_span`` is the place of the name alone."""

    object: Expr
    name: str
    name_span: Span


@dataclass(frozen=True)
class Slice(Node):
    """`a:b` inside an index; a missing end is None."""

    start: Expr | None
    stop: Expr | None


@dataclass(frozen=True)
class Index(Node):
    """`a[i, 2:4]`."""

    object: Expr
    items: tuple[Expr | Slice, ...]


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Dim(Node):
    """One entry of a type's dims: exact `N`, ragged `<=T`, rest `...` (``expr`` is None)."""

    kind: Literal["exact", "ragged", "rest"]
    expr: Expr | None


@dataclass(frozen=True)
class TypeExpr(Node):
    """`float[N, <=T] of words`; ``dims`` is None where no brackets were written."""

    dtype: str
    dims: tuple[Dim, ...] | None
    of: Expr | None


# --- statements --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target(Node):
    """What is bound: a name (`path` of one), a dotted path, or a primed name."""

    path: tuple[str, ...]
    primed: bool = False

    @property
    def name(self) -> str:
        """The name as written, without the prime."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Assign(Node):
    """`a, b: float[N] = x, y`."""

    targets: tuple[Target, ...]
    type: TypeExpr | None
    values: tuple[Expr, ...]


@dataclass(frozen=True)
class Input(Node):
    """`input x: float[N, 2]`."""

    name: str
    name_span: Span
    type: TypeExpr
    value: Expr | None


@dataclass(frozen=True)
class Output(Node):
    """`output y: int[N] = argmax(x)`; a target alone, `output y`, outputs what is bound."""

    target: Target
    type: TypeExpr | None
    value: Expr | None


@dataclass(frozen=True)
class State(Node):
    """`state h: float[N, units] = 0`."""

    name: str
    name_span: Span
    type: TypeExpr
    value: Expr | None


@dataclass(frozen=True)
class Param(Node):
    """`param bias: float[19, 19] = zeros`."""

    name: str
    name_span: Span
    type: TypeExpr
    value: Expr | None


@dataclass(frozen=True)
class Noise(Node):
    """`noise e: float[N, 2] ~ normal(0, 1)`."""

    name: str
    name_span: Span
    type: TypeExpr
    distribution: Expr


@dataclass(frozen=True)
class Return(Node):
    """`return x, y`."""

    values: tuple[Expr, ...]


@dataclass(frozen=True)
class Group(Node):
    """A member of `over`, with its optimiser: `net.head with adam(0.001)`."""

    choice: Expr
    optimizer: Expr | None


@dataclass(frozen=True)
class Goal(Node):
    """`minimize e over a with b, c with d for 200 steps` (or `maximize`)."""

    sense: Literal["minimize", "maximize"]
    objective: Expr
    over: tuple[Group, ...]
    optimizer: Expr | None
    duration: Expr | None


@dataclass(frozen=True)
class Load(Node):
    """`load net.part from "build/other"`."""

    choice: Expr
    source: Expr


@dataclass(frozen=True)
class For(Node):
    """`for i in 1..n { … }`; several iterables are the rounds written out."""

    names: tuple[Target, ...]
    iterables: tuple[Expr, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class If(Node):
    """`if c { … } else { … }`."""

    condition: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


@dataclass(frozen=True)
class Guarded(Node):
    """`statement when condition`."""

    statement: Statement
    condition: Expr


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Parameter(Node):
    """A parameter of a definition; ``default`` makes it optional."""

    name: str
    type: TypeExpr | None
    default: Expr | None


@dataclass(frozen=True)
class Import(Node):
    """`import "vgg.dl" as zoo`."""

    path: str
    path_span: Span
    alias: str | None


@dataclass(frozen=True)
class Const(Node):
    """`const rows = 128`."""

    name: str
    name_span: Span
    value: Expr


@dataclass(frozen=True)
class Definition(Node):
    """A `network`, `block` or `cell`. A block's parameters before `;` are ``inputs``; a network's
    or a cell's parameters are all ``settings``."""

    kind: Literal["network", "block", "cell"]
    name: str
    name_span: Span
    inputs: tuple[Parameter, ...]
    settings: tuple[Parameter, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Data(Node):
    """`data d(setting = 1) { … }` or `data d = mnist()` (``value`` is set, ``body`` empty)."""

    name: str
    name_span: Span
    settings: tuple[Parameter, ...]
    value: Expr | None
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Use(Node):
    """What a recipe is `for` or `on`: an expression (usually a call) and its other name."""

    value: Expr
    alias: str | None


@dataclass(frozen=True)
class Recipe(Node):
    """`recipe r(setting = x) for net as n on data as d { … }`."""

    name: str
    name_span: Span
    settings: tuple[Parameter, ...]
    networks: tuple[Use, ...]
    data: tuple[Use, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Engine(Node):
    """`engine edge for recipe.network { … }`."""

    name: str
    name_span: Span
    subject: Use
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Experiment(Node):
    """`experiment e runs recipe { … }`."""

    name: str
    name_span: Span
    runs: tuple[Use, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Check(Node):
    """`check e : [1, 10]` (a type) or `check e == value within 0.005` (a comparison)."""

    value: Expr
    dims: tuple[Dim, ...] | None
    within: Expr | None


Item = Import | Const | Definition | Data | Recipe | Engine | Experiment | Check


@dataclass(frozen=True)
class File(Node):
    """A whole spec."""

    items: tuple[Item, ...]
