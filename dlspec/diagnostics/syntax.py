"""Mistakes in how a spec is written (DL1xx)."""

from __future__ import annotations

from dlspec.diagnostics.core import Diagnostic, Label
from dlspec.late import late_dataclass
from dlspec.source import Span


@late_dataclass
class Unexpected(Diagnostic):
    """Something stands where the language has no place for it.

    Wrong:
        network n { input x: float[N, 4]; output }

    Right:
        network n { input x: float[N, 4]; output x }
    """

    found: str
    expected: str
    form: str | None = None
    suggestion: str | None = None

    code = "DL100"
    title = "unexpected {found}"
    label = "expected {expected}"
    note = "it is written {form}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class UnclosedBracket(Diagnostic):
    """A ``(`` or ``[`` is never closed. Inside brackets a newline means nothing, so whatever
    follows is read as part of them.

    Wrong:
        network n { input x: float[N, 4]; output y = dense(2, bias = none

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2, bias = none) }
    """

    opening: Span
    sign: str
    closer: str

    code = "DL101"
    title = "`{sign}` is never closed"
    label = "`{closer}` is missing here, or before"

    def labels(self) -> tuple[Label, ...]:
        return (Label(self.opening, f"this `{self.sign}` is open"),)


@late_dataclass
class UnclosedBrace(Diagnostic):
    """The body of a definition, a loop or a step has no closing brace.

    Wrong:
        network n {
            input x: float[N, 4]
            output y = x -> dense(2)

    Right:
        network n {
            input x: float[N, 4]
            output y = x -> dense(2)
        }
    """

    opening: Span
    found: str

    code = "DL102"
    title = "`}}` is missing"
    label = "found {found} where the body still goes on"

    def labels(self) -> tuple[Label, ...]:
        return (Label(self.opening, "this `{` is never closed"),)


@late_dataclass
class StrayCloser(Diagnostic):
    """A closing bracket has no opening one, or closes one of another kind.

    Wrong:
        network n { input x: float[N, 4]; output y = relu(x)) }

    Right:
        network n { input x: float[N, 4]; output y = relu(x) }
    """

    sign: str
    opening: Span | None

    code = "DL103"
    title = "`{sign}` closes nothing"
    label = "no bracket of this kind is open here"

    def labels(self) -> tuple[Label, ...]:
        if self.opening is None:
            return ()
        return (Label(self.opening, f"`{self.opening.text}` is what is open"),)


@late_dataclass
class MissingComma(Diagnostic):
    """Two values stand side by side inside brackets.

    Wrong:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6 kernel = 5) }

    Right:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6, kernel = 5) }
    """

    before: str
    after: str

    code = "DL104"
    title = "a comma is missing between `{before}` and `{after}`"
    label = "put `,` here"


@late_dataclass
class MissingColon(Diagnostic):
    """What a network takes is declared with its type, after a colon; ``=`` would give it a value.

    Wrong:
        network n { input x = float[N, 4]; output y = x -> dense(2) }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
    """

    kind: str
    name: str
    found: str

    code = "DL105"
    title = "the type of `{name}` comes after `:`, not after `{found}`"
    label = "expected `:` and a type, such as `float[N, 2]`"
    help = "write `{kind} {name}: float[N, 2]`, with its own type"


@late_dataclass
class DoubleEquals(Diagnostic):
    """``==`` compares two values; ``=`` binds a name.

    Wrong:
        network n { input x: float[N, 4]; h == relu(x); output y = h }

    Right:
        network n { input x: float[N, 4]; h = relu(x); output y = h }
    """

    name: str

    code = "DL106"
    title = "`==` compares, `=` binds"
    label = "write `{name} = …`"


@late_dataclass
class KeywordAsName(Diagnostic):
    """A word that begins a statement cannot also be bound at the beginning of one.

    Elsewhere such words are ordinary names: ``optimizer = step(0.1)`` is fine.

    Wrong:
        network n { input x: float[N, 4]; state = relu(x); output y = x }

    Right:
        network n { input x: float[N, 4]; my_state = relu(x); output y = my_state }
    """

    word: str
    form: str

    code = "DL113"
    title = "`{word}` begins a statement and cannot be a name here"
    label = "reads as a statement, which is written {form}"
    help = "choose another name, such as `my_{word}`"


@late_dataclass
class ArrowTarget(Diagnostic):
    """After ``->`` comes what to apply: a layer, or a function with or without further arguments.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> 3 }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(3) }
    """

    found: str
    instead: str

    code = "DL114"
    title = "`->` leads to {found}"
    label = "expected a layer or function to apply, such as `relu` or `dense(10)`"
    help = "{instead}"


@late_dataclass
class AfterChain(Diagnostic):
    """``->`` binds loosest, so that ``a + b -> f`` is ``f(a + b)``; to go on computing with what
    a chain gives, put it in parentheses.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(4) + x }

    Right:
        network n { input x: float[N, 4]; output y = (x -> dense(4)) + x }
    """

    sign: str
    chain: Span

    code = "DL115"
    title = "`{sign}` after a chain"
    label = "a chain cannot go on with an operator"
    note = "`->` binds loosest: `a + b -> f` is `f(a + b)`"
    help = "put the chain in parentheses: `(x -> f) {sign} y`"

    def labels(self) -> tuple[Label, ...]:
        return (Label(self.chain, f"this `->` binds looser than `{self.sign}`"),)


@late_dataclass
class Unnamed(Diagnostic):
    """A statement that computes a value must name it: nothing happens but by names.

    Wrong:
        network n { input x: float[N, 4]; x -> relu; output y = x }

    Right:
        network n { input x: float[N, 4]; h = x -> relu; output y = h }
    """

    written: str = ""

    code = "DL116"
    title = "this value gets no name"
    label = "expected `name = …`"
    help = "bind it (`y = …`), or make it the result (`output y = …`, in a block `return …`)"

    @property
    def helps(self) -> list[str]:
        """What a statement of another framework would be here."""
        from dlspec.diagnostics.peer_calls import statement_advice

        advice = statement_advice(self.written)
        return [advice] if advice else super().helps


@late_dataclass
class MissingBody(Diagnostic):
    """A body stands in braces, and the opening brace on the line of what it belongs to.

    Wrong:
        network n:
            input x: float[N, 4]
            output y = x -> dense(2)

    Right:
        network n {
            input x: float[N, 4]
            output y = x -> dense(2)
        }
    """

    head: str
    found: str

    code = "DL117"
    title = "`{head}` needs a body in braces"
    label = "expected `{{` here, found {found}"
    help = "a body begins with `{{` on the same line and ends with `}}`; indentation means nothing"


@late_dataclass
class TooDeep(Diagnostic):
    """Brackets, operators, chains or bodies stand too many levels inside each other.

    Give a part of the expression a name of its own, or write a loop: ``for i in 1..200 { … }``.

    Wrong (more than 150 levels):
        network n { input x: float[N, 4]; output y = relu(relu(relu( … ))) }

    Right:
        network n { input x: float[N, 4]; for i in 1..200 { x = relu(x) }; output y = x }
    """

    limit: int

    code = "DL119"
    title = "this is nested more than {limit} levels deep"
    label = "it begins here"
    help = "give parts of it names of their own, or use `for` for what repeats"


@late_dataclass
class TooLong(Diagnostic):
    """The file is larger than any spec should be; it is probably not a spec.

    Wrong (more than a million characters):
        const table = [0, 1, 2, 3, … ]

    Right:
        network n { input id: int[N]; output y = id -> embed(1000, 64) }
    """

    characters: int
    limit: int

    code = "DL120"
    title = "the file has {characters} characters; a spec has at most {limit}"
    help = "use `for` and `block` for what repeats, and `import` to split a spec into files"


@late_dataclass
class TooManyErrors(Diagnostic):
    """So many syntax errors were found that the rest of the file was not looked at.

    Wrong (a file in another language: 20 mistakes, then this):
        a b c
        d e f
        …

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
    """

    count: int

    code = "DL121"
    title = "stopped after {count} syntax errors"
    label = "not read from here on"
    help = "mend the first ones; later ones may only follow from them"


@late_dataclass
class ChainedComparison(Diagnostic):
    """Comparisons are between two values.

    Wrong:
        network n { input x: float[N, 4]; if 1 < 2 < 3 { x = relu(x) }; output y = x }

    Right:
        network n { input x: float[N, 4]; if 1 < 2 and 2 < 3 { x = relu(x) }; output y = x }
    """

    sign: str
    first: Span

    code = "DL122"
    title = "comparisons do not chain"
    label = "a second `{sign}`"
    help = "write `a < b and b < c`"

    def labels(self) -> tuple[Label, ...]:
        return (Label(self.first, "the first comparison"),)


@late_dataclass
class InputsInParentheses(Diagnostic):
    """Only a block has inputs in its parentheses; a network or a cell declares them in its body.

    Wrong:
        network n(x: float[N, 4]) { output y = x -> dense(2) }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
    """

    kind: str
    name: str

    code = "DL123"
    title = "only a block has inputs in its parentheses"
    label = "the parentheses of `{kind}` hold settings only"
    help = "declare what a network or a cell takes in its body: `input {name}: float[N, 2]`"


@late_dataclass
class MissingValue(Diagnostic):
    """A statement ends where a value should follow. A line goes on inside ``( )`` and ``[ ]``,
    after a comma, and when the next one begins with ``->``, ``else``, ``over``, ``with`` or
    ``when``.

    Wrong:
        network n {
            input x: float[N, 4]
            output y = x +
        }

    Right:
        network n {
            input x: float[N, 4]
            output y = x + 1
        }
    """

    before: str

    code = "DL124"
    title = "a value is missing after `{before}`"
    label = "the statement ends here"
    note = (
        "a line goes on inside ( ) and [ ], after a comma, and before a line that begins with "
        "`->`, `else`, `over`, `with` or `when`"
    )


@late_dataclass
class NestedDefinition(Diagnostic):
    """Definitions stand beside each other in a file, never inside one another.

    Wrong:
        network n { block twice(x) { return 2 * x }; input x: float[N, 4]; output y = twice(x) }

    Right:
        block twice(x) { return 2 * x }
        network n { input x: float[N, 4]; output y = twice(x) }
    """

    word: str

    code = "DL125"
    title = "`{word}` inside a definition"
    label = "definitions stand at the top of a file only"
    help = "move it out; the order of definitions in a file does not matter"

    @property
    def helps(self) -> list[str]:
        """A constant needs no word inside a body."""
        if self.word == "const":
            return ["in a body a name is bound by `=` alone: `rows = 128`"]
        return super().helps


@late_dataclass
class StatementAtTop(Diagnostic):
    """A file is a list of definitions; statements stand in their bodies.

    Wrong:
        rows = 28

    Right:
        const rows = 28
    """

    what: str
    instead: str

    code = "DL126"
    title = "{what} outside of any definition"
    label = "expected a definition: `network`, `block`, `recipe`, `const`, …"
    help = "{instead}"


@late_dataclass
class NoiseTilde(Diagnostic):
    """A noise is drawn from a distribution, which stands after a tilde.

    Wrong:
        network n { noise e: float[N, 2] = normal(0, 1); output y = e }

    Right:
        network n { noise e: float[N, 2] ~ normal(0, 1); output y = 2 * e }
    """

    code = "DL127"
    title = "a noise is drawn with `~`"
    label = "write `~` and a distribution, such as `~ normal(0, 1)`"


@late_dataclass
class MissingDtype(Diagnostic):
    """A type begins with what its numbers are: ``float``, ``int``, ``uint8``, …

    Wrong:
        network n { input x: [N, 4]; output y = x -> dense(2) }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
    """

    code = "DL128"
    title = "a type begins with the kind of its numbers"
    label = "write `float[…]`, `int[…]` or `uint8[…]`"


@late_dataclass
class ColonForEquals(Diagnostic):
    """A colon declares a type; a value is given with ``=``.

    Wrong:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6, kernel: 5) }

    Right:
        network n { input x: float[N, 1, 8, 8]; output y = x -> conv(6, kernel = 5) }
    """

    name: str

    code = "DL129"
    title = "the value of `{name}` is given with `=`"
    label = "write `{name} = …`"


@late_dataclass
class BindsPart(Diagnostic):
    """Only names are bound; a part of a tensor or list is not changed in place.

    Wrong:
        network n { input x: float[N, 4]; hs = [x, x]; hs[0] = relu(x); output y = hs[0] }

    Right:
        network n { input x: float[N, 4]; hs = append([x], relu(x)); output y = hs[1] }
    """

    name: str

    code = "DL130"
    title = "a part of `{name}` cannot be bound"
    label = "only names can be"
    help = (
        "a list grows with `{name} = append({name}, …)`; a tensor is made anew, as by `where` "
        "or `concat`"
    )


@late_dataclass
class SemicolonInCall(Diagnostic):
    """A ``;`` splits inputs from settings only where a block is defined.

    Wrong:
        network n { input x: float[N, 4]; output y = maxout(x; 10) }

    Right:
        network n { input x: float[N, 4]; output y = maxout(x, 10) }
    """

    code = "DL131"
    title = "`;` in a call"
    label = "write `,` here"
    note = (
        "arguments fill a block's inputs first, then its settings; `;` stands in its "
        "definition only"
    )


@late_dataclass
class OutputWithoutName(Diagnostic):
    """An output has a name: that of a value bound before, or one given with ``=``.

    Wrong:
        network n { input x: float[N, 4]; output x -> relu }

    Right:
        network n { input x: float[N, 4]; output y = x -> relu }
    """

    name: str

    code = "DL132"
    title = "an output needs a name"
    label = "expected `=`, or the end of the statement"
    help = "write `output y = {name} …`"
