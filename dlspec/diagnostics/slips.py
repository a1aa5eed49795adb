"""Habits of other languages, frameworks and formats (DL1xx)."""

from __future__ import annotations

from dlspec.diagnostics.core import Diagnostic
from dlspec.late import late_dataclass


@late_dataclass
class ForeignWord(Diagnostic):
    """A word of another language that means nothing here.

    Wrong:
        def double(x):
            return 2 * x

    Right:
        block double(x) { return 2 * x }
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

    Wrong:
        network n { input x: float[N, 4]; x += 1; output y = x }

    Right:
        network n { input x: float[N, 4]; x = x + 1; output y = x }
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

    Wrong:
        network n { input x: float[N, 4]; output y = x }  // nothing is learnt

    Right:
        network n { input x: float[N, 4]; output y = x }  # nothing is learnt
    """

    sign: str

    code = "DL109"
    title = "a comment begins with `#`, not with `{sign}`"
    label = "write `#` here"


@late_dataclass
class SingleQuotes(Diagnostic):
    """Strings stand in double quotes; a single quote marks the next state, as in ``h'``.

    Wrong:
        import 'library/dropout.dl'

    Right:
        import "library/dropout.dl"
    """

    text: str

    code = "DL110"
    title = "strings stand in double quotes"
    label = 'write `"{text}"`'
    note = "a single quote after a name is the next state: `h'`"


@late_dataclass
class UnclosedString(Diagnostic):
    """A string has no closing quote on its line.

    Wrong:
        import "library/dropout.dl

    Right:
        import "library/dropout.dl"
    """

    code = "DL111"
    title = "the string is never closed"
    label = 'expected `"` before the end of the line'


@late_dataclass
class BadCharacter(Diagnostic):
    """A character that no part of the language uses. Names are made of a-z, A-Z, 0-9 and _.

    Wrong:
        const θ = 3

    Right:
        const theta = 3
    """

    character: str
    name: str
    instead: str | None = None

    code = "DL112"
    title = "a spec has no use for the character {character}"
    label = "{name}"
    help = "{instead}"


@late_dataclass
class BadNumber(Diagnostic):
    """A number that is written in another way here, or that is too large to be one.

    Wrong:
        const half = .5

    Right:
        const half = 0.5
    """

    text: str
    why: str

    code = "DL118"
    title = "`{text}` is not a number here"
    label = "{why}"


@late_dataclass
class Comprehension(Diagnostic):
    """There are no comprehensions or conditional expressions; ``for`` and ``if`` are statements.

    Wrong:
        network n { input x: float[N, 4]; hs = [x * i for i in 1..3]; output y = hs[0] }

    Right:
        network n {
            input x: float[N, 4]
            hs = []
            for i in 1..3 { hs = append(hs, x * i) }
            output y = hs[0]
        }
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

    Wrong:
        network n { input x: float(N, 4); output y = x -> dense(2) }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
    """

    dtype: str

    code = "DL134"
    title = "the sizes of a type stand in one pair of square brackets"
    label = "write `{dtype}[…]`"
    note = "such as `float[N, 28, 28]`: N examples of 28 rows and 28 columns"


@late_dataclass
class ColonAfterWord(Diagnostic):
    """The first word of a statement is followed by a space, not by a colon.

    Wrong:
        network n { input x: float[N, 4]; output: x }

    Right:
        network n { input x: float[N, 4]; output y = 2 * x }
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

    Wrong:
        { "network": "n", "layers": [{ "type": "dense", "units": 2 }] }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
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

    Wrong:
        network n {
            input x: float[N, 4],
            output y = x -> dense(2)
        }

    Right:
        network n {
            input x: float[N, 4]
            output y = x -> dense(2)
        }
    """

    code = "DL137"
    title = "a comma after a statement"
    label = "take it away"
    note = "statements end with their line, or with `;`"


@late_dataclass
class TypedConstant(Diagnostic):
    """A constant is what its value is; it has no declared type.

    Wrong:
        const rows: int = 28

    Right:
        const rows = 28
    """

    name: str

    code = "DL138"
    title = "a constant has no declared type"
    label = "write `const {name} = …`"


@late_dataclass
class CheckBinds(Diagnostic):
    """A check compares with ``==``; ``=`` would bind.

    Wrong:
        network n { input x: float[N, 1]; output y = 2 * x }
        check n(x = [[2]]).y = [[4]]

    Right:
        network n { input x: float[N, 1]; output y = 2 * x }
        check n(x = [[2]]).y == [[4]]
    """

    code = "DL139"
    title = "a check compares with `==`"
    label = "write `==`"


@late_dataclass
class OneOutput(Diagnostic):
    """Each output is a statement of its own.

    Wrong:
        network n { input x: float[N, 4]; a = 2 * x; b = 3 * x; output a, b }

    Right:
        network n { input x: float[N, 4]; a = 2 * x; b = 3 * x; output a; output b }
    """

    name: str

    code = "DL140"
    title = "each output is a statement of its own"
    label = "end the statement here"
    help = "write `output {name}` on a line of its own"


@late_dataclass
class StrideInIndex(Diagnostic):
    """An index says from where and to where, ``x[:, 1:3]``. Steps are settings of ``slice``, one
    for each axis; ``mirror`` turns an axis round.

    Wrong:
        network n { input x: float[N, 8]; output y = x[:, ::2] }

    Right:
        network n { input x: float[N, 8]; output y = slice(x, [none, 0], [none, 8], [1, 2]) }
    """

    instead: str

    code = "DL141"
    title = "an index has no steps"
    label = "only `from:to`"
    help = "{instead}"
