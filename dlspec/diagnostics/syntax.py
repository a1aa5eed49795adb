"""Mistakes in how a spec is written (DL1xx)."""

from __future__ import annotations

from dlspec.diagnostics.core import Diagnostic, Label
from dlspec.late import late_dataclass
from dlspec.source import Span


@late_dataclass
class Unexpected(Diagnostic):
    """Something stands where the language has no place for it.

    Wrong: ``output``, with nothing after it. Right: ``output logits``.
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

    Wrong: ``h = conv(6, kernel = 5``. Right: ``h = conv(6, kernel = 5)``.
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

    Wrong: ``network a { input x: float[N]``. Right: ``network a { input x: float[N] }``.
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

    Wrong: ``y = f(x))`` or ``y = f(x]``. Right: ``y = f(x)``.
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

    Wrong: ``conv(6 kernel = 5)``. Right: ``conv(6, kernel = 5)``.
    """

    before: str
    after: str

    code = "DL104"
    title = "a comma is missing between `{before}` and `{after}`"
    label = "put `,` here"


@late_dataclass
class MissingColon(Diagnostic):
    """What a network takes is declared with its type, after a colon; ``=`` would give it a value.

    Wrong: ``input image = uint8[N, 28, 28]``. Right: ``input image: uint8[N, 28, 28]``.
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

    Wrong: ``h == relu(x)``. Right: ``h = relu(x)``.
    """

    name: str

    code = "DL106"
    title = "`==` compares, `=` binds"
    label = "write `{name} = …`"


@late_dataclass
class ForeignWord(Diagnostic):
    """A word of another language that means nothing here.

    Wrong: ``def f(x):``, ``import torch``, ``while True:``. Right: ``block f(x) { … }``.
    """

    word: str
    instead: str

    code = "DL107"
    title = "dlspec has no `{word}`"
    label = "not a word of this language"
    help = "{instead}"


@late_dataclass
class ForeignSign(Diagnostic):
    """An operator of another language, or a look-alike of one of this language.

    Wrong: ``a && b``, ``x += 1``, ``x → relu``. Right: ``a and b``, ``x = x + 1``, ``x -> relu``.
    """

    sign: str
    instead: str

    code = "DL108"
    title = "dlspec has no `{sign}`"
    label = "not a sign of this language"
    help = "{instead}"


@late_dataclass
class ForeignComment(Diagnostic):
    """A comment begins with ``#`` and ends with its line.

    Wrong: ``// the first layer`` or ``/* … */``. Right: ``# the first layer``.
    """

    sign: str

    code = "DL109"
    title = "a comment begins with `#`, not with `{sign}`"
    label = "write `#` here"


@late_dataclass
class SingleQuotes(Diagnostic):
    """Strings stand in double quotes; a single quote marks the next state, as in ``h'``.

    Wrong: ``image('cat.jpg')``. Right: ``image("cat.jpg")``.
    """

    text: str

    code = "DL110"
    title = "strings stand in double quotes"
    label = 'write `"{text}"`'
    note = "a single quote after a name is the next state: `h'`"


@late_dataclass
class UnclosedString(Diagnostic):
    """A string has no closing quote on its line.

    Wrong: ``import "vgg.dl``. Right: ``import "vgg.dl"``.
    """

    code = "DL111"
    title = "the string is never closed"
    label = 'expected `"` before the end of the line'


@late_dataclass
class BadCharacter(Diagnostic):
    """A character that no part of the language uses. Names are made of a-z, A-Z, 0-9 and _.

    Wrong: ``θ = dense(10)``. Right: ``theta = dense(10)``.
    """

    character: str
    name: str
    instead: str | None = None

    code = "DL112"
    title = "a spec has no use for the character {character}"
    label = "{name}"
    help = "{instead}"


@late_dataclass
class KeywordAsName(Diagnostic):
    """A word that begins a statement cannot also be bound at the beginning of one.

    Elsewhere such words are ordinary names: ``optimizer = step(0.1)`` is fine.

    Wrong: ``output = relu(x)``. Right: ``result = relu(x)``, or ``output y = relu(x)``.
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

    Wrong: ``x -> 3``, or a line that ends with ``->``. Right: ``x -> dense(3) -> relu``, where
    the next line may begin with ``->``.
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

    Wrong: ``y = x -> dense(10) + b``. Right: ``y = (x -> dense(10)) + b``.
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

    Wrong: ``x -> relu``. Right: ``x = x -> relu``, ``return x -> relu`` or ``output y = x ->
    relu``.
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

    Wrong: ``network lenet:`` or a ``{`` on a line of its own. Right: ``network lenet {``.
    """

    head: str
    found: str

    code = "DL117"
    title = "`{head}` needs a body in braces"
    label = "expected `{{` here, found {found}"
    help = "a body begins with `{{` on the same line and ends with `}}`; indentation means nothing"


@late_dataclass
class BadNumber(Diagnostic):
    """A number that is written in another way here, or that is too large to be one.

    Wrong: ``.5``, ``5.``, ``1_000``, ``0x10``, ``1e999``. Right: ``0.5``, ``5``, ``1000``,
    ``16``, ``1e9``.
    """

    text: str
    why: str

    code = "DL118"
    title = "`{text}` is not a number here"
    label = "{why}"


@late_dataclass
class TooDeep(Diagnostic):
    """Brackets, operators, chains or bodies stand too many levels inside each other.

    Give a part of the expression a name of its own, or write a loop: ``for i in 1..200 { … }``.
    """

    limit: int

    code = "DL119"
    title = "this is nested more than {limit} levels deep"
    label = "it begins here"
    help = "give parts of it names of their own, or use `for` for what repeats"


@late_dataclass
class TooLong(Diagnostic):
    """The file is larger than any spec should be; it is probably not a spec."""

    characters: int
    limit: int

    code = "DL120"
    title = "the file has {characters} characters; a spec has at most {limit}"
    help = "use `for` and `block` for what repeats, and `import` to split a spec into files"


@late_dataclass
class TooManyErrors(Diagnostic):
    """So many syntax errors were found that the rest of the file was not looked at."""

    count: int

    code = "DL121"
    title = "stopped after {count} syntax errors"
    label = "not read from here on"
    help = "mend the first ones; later ones may only follow from them"


@late_dataclass
class ChainedComparison(Diagnostic):
    """Comparisons are between two values.

    Wrong: ``if 1 < i < 5 { … }``. Right: ``if 1 < i and i < 5 { … }``.
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

    Wrong: ``network net(x; units) { … }``.
    Right: ``network net(units) { input x: float[N, 4] … }``.
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

    Wrong: ``y = a +`` with ``b`` on the next line. Right: ``y = a + b``, or ``y = (a +`` … ``b)``.
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

    Wrong: ``network a { block b(x) { … } }``. Right: ``block b(x) { … }``, then ``network a { …
    }``.
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

    Wrong: ``rows = 128`` between definitions. Right: ``const rows = 128``.
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

    Wrong: ``noise e: float[N, 2] = normal(0, 1)``. Right: ``noise e: float[N, 2] ~ normal(0, 1)``.
    """

    code = "DL127"
    title = "a noise is drawn with `~`"
    label = "write `~` and a distribution, such as `~ normal(0, 1)`"


@late_dataclass
class MissingDtype(Diagnostic):
    """A type begins with what its numbers are: ``float``, ``int``, ``uint8``, …

    Wrong: ``input x: [N, 2]``. Right: ``input x: float[N, 2]``.
    """

    code = "DL128"
    title = "a type begins with the kind of its numbers"
    label = "write `float[…]`, `int[…]` or `uint8[…]`"


@late_dataclass
class ColonForEquals(Diagnostic):
    """A colon declares a type; a value is given with ``=``.

    Wrong: ``conv(6, kernel: 5)``, ``batch: 64``. Right: ``conv(6, kernel = 5)``, ``batch = 64``.
    """

    name: str

    code = "DL129"
    title = "the value of `{name}` is given with `=`"
    label = "write `{name} = …`"


@late_dataclass
class BindsPart(Diagnostic):
    """Only names are bound; a part of a tensor or list is not changed in place.

    Wrong: ``rows[2] = x``. Right: ``rows = append(rows, x)``, or ``where(…)`` for tensors.
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

    Wrong: ``maxout(x; 10)``. Right: ``maxout(x, 10)``, or ``x -> maxout(10)``.
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

    Wrong: ``output x -> relu``. Right: ``output y = x -> relu``, or ``output x``.
    """

    name: str

    code = "DL132"
    title = "an output needs a name"
    label = "expected `=`, or the end of the statement"
    help = "write `output y = {name} …`"


@late_dataclass
class Comprehension(Diagnostic):
    """There are no comprehensions or conditional expressions; ``for`` and ``if`` are statements.

    Wrong: ``xs = [f(i) for i in 1..3]``.
    Right: ``xs = []``, then ``for i in 1..3 { xs = append(xs, f(i)) }``.
    """

    word: str
    instead: str

    code = "DL133"
    title = "`{word}` inside an expression"
    label = "`{word}` begins a statement"
    help = "{instead}"


@late_dataclass
class TypeBrackets(Diagnostic):
    """The sizes of a type stand in square brackets behind the kind of its numbers.

    Wrong: ``input x: float(N, 4)``. Right: ``input x: float[N, 4]``.
    """

    dtype: str

    code = "DL134"
    title = "the sizes of a type stand in one pair of square brackets"
    label = "write `{dtype}[…]`"
    note = "such as `float[N, 28, 28]`: N examples of 28 rows and 28 columns"


@late_dataclass
class ColonAfterWord(Diagnostic):
    """The first word of a statement is followed by a space, not by a colon.

    Wrong: ``output: y``. Right: ``output y``.
    """

    word: str
    form: str

    code = "DL135"
    title = "no `:` after `{word}`"
    label = "take it away"
    note = "it is written {form}"


@late_dataclass
class OtherFormat(Diagnostic):
    """The file is no spec: it reads like JSON, YAML or another format, or like a program.

    Wrong: ``{"layers": [10]}``. Right: ``network n { input x: float[N, 4]; output y = x ->
    dense(10) }``.
    """

    format: str

    code = "DL136"
    title = "this reads like {format}, not like a spec"
    label = "not read from here on"
    help = (
        "a spec is made of definitions, such as\n"
        "network n {{\n"
        "    input x: float[N, 784]\n"
        "    output y = x -> dense(100) -> relu -> dense(10)\n"
        "}}"
    )


@late_dataclass
class TrailingComma(Diagnostic):
    """A statement ends with its line or with ``;``. A comma makes the line go on.

    Wrong: ``input x: float[N, 4],``. Right: ``input x: float[N, 4]``.
    """

    code = "DL137"
    title = "a comma after a statement"
    label = "take it away"
    note = "statements end with their line, or with `;`"


@late_dataclass
class TypedConstant(Diagnostic):
    """A constant is what its value is; it has no declared type.

    Wrong: ``const rows: int = 128``. Right: ``const rows = 128``.
    """

    name: str

    code = "DL138"
    title = "a constant has no declared type"
    label = "write `const {name} = …`"


@late_dataclass
class CheckBinds(Diagnostic):
    """A check compares with ``==``; ``=`` would bind.

    Wrong: ``check n(x = [[1]]).y = [[2]]``. Right: ``check n(x = [[1]]).y == [[2]]``.
    """

    code = "DL139"
    title = "a check compares with `==`"
    label = "write `==`"
