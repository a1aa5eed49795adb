"""Which mistake it is: a row for each common slip, tried in order; the first that fits is told."""

from __future__ import annotations

from collections.abc import Callable

from dlspec.diagnostics.core import Diagnostic, did_you_mean
from dlspec.diagnostics.slips import (
    CheckBinds,
    ColonAfterWord,
    OneOutput,
    OtherFormat,
    TrailingComma,
    TypeBrackets,
    TypedConstant,
)
from dlspec.diagnostics.syntax import (
    AfterChain,
    ArrowTarget,
    BindsPart,
    ChainedComparison,
    ColonForEquals,
    DoubleEquals,
    KeywordAsName,
    MissingBody,
    MissingColon,
    MissingComma,
    MissingDtype,
    MissingValue,
    NestedDefinition,
    NoiseTilde,
    OutputWithoutName,
    SemicolonInCall,
    StatementAtTop,
    StrayCloser,
    UnclosedBrace,
    UnclosedBracket,
    Unexpected,
    Unnamed,
)
from dlspec.source import Span
from dlspec.syntax import foreign
from dlspec.syntax.lexer import END, NEWLINE, OPENING, Token
from dlspec.syntax.situation import FORMS, ITEM_WORDS, STATEMENT_WORDS, Situation, expected, found
from dlspec.syntax.strides import stride

_OPERATORS = frozenset({"PLUS", "MINUS", "TIMES", "POWER", "COMPARE", "LE", "RANGE"})
_OPERANDS = frozenset({"NAME", "NUMBER", "STRING", "PRIMED"})
_ENDS = frozenset({NEWLINE, "SEMICOLON", "RBRACE", END})
_TYPES = frozenset({"float", "int", "uint8", "float32", "float16", "int64", "int32", "bool"})
_DECLARING = frozenset({"input", "state", "param", "noise"})


def diagnose(at: Situation) -> Diagnostic:
    """The mistake that explains a situation best."""
    for row in _ROWS:
        diagnostic = row(at)
        if diagnostic is not None:
            return diagnostic
    return _unexpected(at)


def _unexpected(at: Situation) -> Diagnostic:
    head = at.head_token.text
    form = FORMS.get(head) if at.head < at.index and not at.brackets else None
    suggestion = None
    if at.index <= at.head + 1 and at.head_token.kind == "NAME" and head not in FORMS:
        suggestion = did_you_mean(head, STATEMENT_WORDS if at.braces else ITEM_WORDS)
    if suggestion is not None:
        here = at.span(at.head_token)
        return Unexpected(here, found(at.head_token), _beginning(at), suggestion=suggestion)
    what = found(at.token).removeprefix("the ").removeprefix("a ")
    return Unexpected(at.here, what, expected(at), form)


def _beginning(at: Situation) -> str:
    return "a statement" if at.braces else "a definition"


# --- brackets and braces -----------------------------------------------------------------------


def outdented_line(at: Situation) -> int | None:
    """The index of the first token behind an open bracket that begins a line further left than what
    is in brackets would: what is read there as an argument is most likely the next statement."""
    if not at.brackets:
        return None
    opening = at.tokens[at.brackets[0]]
    indentation = at.indentation(opening)
    for i in range(at.brackets[0] + 1, at.index + 1):
        token = at.tokens[i]
        begins = at.tokens[i - 1].kind == NEWLINE and token.kind not in (NEWLINE, "RPAR", "RSQB")
        if begins and (token.kind == END or at.indentation(token) <= indentation):
            return i
    return None


def _closer(at: Situation) -> Diagnostic | None:
    token = at.token
    if token.kind in ("RPAR", "RSQB"):
        opening = at.tokens[at.brackets[-1]] if at.brackets else None
        if opening is None or OPENING[opening.kind] != token.kind:
            where = None if opening is None else at.span(opening)
            return StrayCloser(at.here, sign=token.text, opening=where)
    if token.kind == "RBRACE" and not at.braces and not at.brackets:
        return StrayCloser(at.here, sign="}", opening=None)
    return None


def _unclosed_bracket(at: Situation) -> Diagnostic | None:
    if not at.brackets:
        return None
    opening = at.tokens[at.brackets[-1]]
    closer = ")" if opening.kind == "LPAR" else "]"
    line = outdented_line(at)
    if line is not None:
        end = max(t.end for t in at.tokens[:line] if t.kind != NEWLINE)
        place = Span(at.source, end, end)
    elif at.token.kind in ("LBRACE", "RBRACE", END):
        place = at.here
    else:
        return None
    return UnclosedBracket(place, at.span(opening), sign=opening.text, closer=closer)


def _unclosed_brace(at: Situation) -> Diagnostic | None:
    if not at.braces or at.brackets:
        return None
    if at.token.kind == END:
        line_end = max(t.end for t in at.tokens if t.kind not in (NEWLINE, END))
        place, what = Span(at.source, line_end, line_end), "the end of the file"
    elif (
        _nested(at)
        and at.begins_line(at.head_token)
        and (at.indentation(at.head_token) <= at.indentation(at.tokens[at.braces[0]]))
    ):
        place, what = at.span(at.head_token), f"`{at.head_token.text}`"
    else:
        return None
    return UnclosedBrace(place, at.span(_suspect(at)), found=what)


def _nested(at: Situation) -> bool:
    head = at.head_token
    fits = "STRING" if head.text == "import" else "NAME"
    return head.text in ITEM_WORDS and at.index == at.head + 1 and at.token.kind == fits


def _suspect(at: Situation) -> Token:
    """The brace that is probably not closed: one whose closer stands further left than itself."""
    stack: list[Token] = []
    for token in at.tokens[at.braces[0] : at.index]:
        if token.kind == "LBRACE":
            stack.append(token)
        elif token.kind == "RBRACE" and stack:
            opening = stack.pop()
            if at.begins_line(token) and at.indentation(token) < at.indentation(opening):
                return opening
    return at.tokens[at.braces[-1]]


def _nested_definition(at: Situation) -> Diagnostic | None:
    if at.braces and _nested(at):
        return NestedDefinition(at.span(at.head_token), word=at.head_token.text)
    return None


def _body(at: Situation) -> Diagnostic | None:
    if "LBRACE" not in at.expected or at.token.kind not in (
        "COLON",
        NEWLINE,
        END,
        "EQUAL",
        "SEMICOLON",
    ):
        return None
    return MissingBody(at.here, head=at.head_token.text, found=found(at.token))


# --- other formats -----------------------------------------------------------------------------


def _format(at: Situation) -> Diagnostic | None:
    """A file that is no spec at all: told once, at its beginning."""
    token, after = at.token, at.after()
    if at.braces or at.brackets or any(t.kind != NEWLINE for t in at.tokens[: at.head]):
        return None
    if token.kind in ("LBRACE", "LSQB") and at.index == at.head:
        return OtherFormat(at.here, "JSON")
    if at.index == at.head and token.text == "<":
        return OtherFormat(at.here, "XML")
    if at.source.text.startswith("---") and token.kind == "MINUS":
        return OtherFormat(at.here, "YAML")
    yaml = at.index == at.head and token.kind in ("NAME", "STRING") and after.kind == "COLON"
    line = at.source.line(at.source.position(token.start)[0])
    key = at.index == at.head + 1 and token.kind == "COLON"
    if yaml or (key and not line.rstrip().endswith("{")):
        return OtherFormat(at.span(at.head_token), "YAML")
    if token.kind == "LSQB" and at.index == at.head and after.kind == "NAME":
        return OtherFormat(at.here, "TOML")
    return None


# --- statements --------------------------------------------------------------------------------


def _at_top(at: Situation) -> Diagnostic | None:
    token, after = at.token, at.after()
    if at.braces or at.index != at.head or token.kind != "NAME":
        return None
    if after.kind == "EQUAL":
        instead = f"write `const {token.text} = …`, or move it into a body"
        return StatementAtTop(at.here, what=f"`{token.text}` is bound", instead=instead)
    if token.text in STATEMENT_WORDS:
        home = (
            "a recipe"
            if token.text in ("minimize", "maximize", "step", "stage", "load")
            else "a network"
        )
        return StatementAtTop(
            at.here, what=f"`{token.text}`", instead=f"move it into the body of {home}"
        )
    return None


def _colon_after_word(at: Situation) -> Diagnostic | None:
    head = at.head_token
    if at.token.kind == "COLON" and at.index == at.head + 1 and head.text in FORMS:
        return ColonAfterWord(at.here, word=head.text, form=FORMS[head.text])
    return None


def _type(at: Situation) -> Diagnostic | None:
    """`float(N, 4)`, `float<N, 4>`, `float[N][4]`, `(N, 4)`."""
    statement = at.statement
    if len(statement) < 3 or statement[0].text not in _DECLARING or at.brackets:
        return None
    opens = at.token.kind == "LPAR" or at.token.text == "<" or at.token.kind == "LSQB"
    again = at.token.kind == "LSQB"
    if statement[2].kind != "COLON" or not opens or (len(statement) > 4) != again:
        return None
    dtype = statement[3].text if len(statement) > 3 else "float"
    return TypeBrackets(at.here, dtype=dtype)


def _trailing_comma(at: Situation) -> Diagnostic | None:
    ends = at.after().kind in (NEWLINE, END, "SEMICOLON", "RBRACE")
    if at.token.kind == "COMMA" and ends and not at.brackets and at.braces:
        return TrailingComma(at.here)
    return None


def _outputs(at: Situation) -> Diagnostic | None:
    """`output a, b` and `output y: softmax(x)`."""
    if at.head_token.text != "output" or at.brackets or at.index == at.head:
        return None
    if at.token.kind == "COMMA" and at.after().kind == "NAME":
        return OneOutput(at.here, name=at.after().text)
    kinds = [t.kind for t in at.statement]
    if kinds == ["NAME", "NAME", "COLON", "NAME"] and at.token.kind in ("LPAR", "ARROW"):
        name, colon, first = at.statement[1:]
        if first.text in _TYPES:
            return TypeBrackets(at.here, dtype=first.text)
        return ColonForEquals(at.span(colon), name=name.text)
    return None


def _constant_type(at: Situation) -> Diagnostic | None:
    if at.head_token.text == "const" and at.token.kind == "COLON" and at.index == at.head + 2:
        return TypedConstant(at.here, name=at.before.text if at.before is not None else "name")
    return None


def _check(at: Situation) -> Diagnostic | None:
    if at.head_token.text == "check" and at.token.text == "=" and not at.brackets:
        return CheckBinds(at.here)
    return None


def _keyword(at: Situation) -> Diagnostic | None:
    head = at.head_token
    if head.text not in STATEMENT_WORDS or at.index != at.head + 1:
        return None
    if at.token.kind in ("EQUAL", "COMMA", "ARROW", "DOT"):
        return KeywordAsName(at.span(head), word=head.text, form=FORMS[head.text])
    return None


def _colon(at: Situation) -> Diagnostic | None:
    head, token, before = at.head_token, at.token, at.before
    if before is None or head.text not in _DECLARING:
        return None
    if (
        at.index == at.head + 2
        and "COLON" in at.expected
        and token.kind in ("EQUAL", "NAME", "LSQB", "TILDE")
    ):
        missing = "=" if token.kind == "EQUAL" else token.text
        return MissingColon(at.here, kind=head.text, name=before.text, found=missing)
    if (
        head.text == "noise"
        and "TILDE" in at.expected
        and token.kind in ("EQUAL", NEWLINE, "SEMICOLON")
    ):
        return NoiseTilde(at.here)
    return None


def _dtype(at: Situation) -> Diagnostic | None:
    if (
        at.token.kind == "LSQB"
        and at.before is not None
        and at.before.kind == "COLON"
        and "NAME" in at.expected
    ):
        return MissingDtype(at.here)
    return None


def _colon_for_equals(at: Situation) -> Diagnostic | None:
    token, before = at.token, at.before
    if before is None:
        return None
    in_call = bool(at.brackets) and at.tokens[at.brackets[-1]].kind == "LPAR"
    if in_call and token.kind == "COLON" and before.kind == "NAME":
        return ColonForEquals(at.here, name=before.text)
    if before.kind == "COLON" and token.kind in ("NUMBER", "STRING") and at.index == at.head + 2:
        return ColonForEquals(at.span(before), name=at.head_token.text)
    if token.kind in _ENDS | {"LPAR"} and at.braces and not at.brackets:
        statement = at.statement  # `optimizer: adam(0.001)` reads as a name with its type
        kinds = [t.kind for t in statement]
        if kinds == ["NAME", "COLON", "NAME"] and statement[0].text not in FORMS:
            return ColonForEquals(at.span(statement[1]), name=statement[0].text)
    return None


def _binding(at: Situation) -> Diagnostic | None:
    """Where `=` should stand after a name at the beginning of a statement."""
    head, token = at.head_token, at.token
    if token.text == "==" and "EQUAL" in at.expected:
        name = at.before.text if at.before is not None else "name"
        return DoubleEquals(at.here, name=name)
    if not at.braces:
        return None
    if at.index == at.head and token.kind in ("NUMBER", "STRING", "LPAR", "LSQB", "MINUS"):
        return Unnamed(at.here, _rest_of_line(at, at.token))
    if head.kind not in ("NAME", "PRIMED") or "EQUAL" not in at.expected or at.brackets:
        return None
    if head.text == "output" and token.kind in _OPERATORS | {"ARROW", "LPAR", "LSQB"}:
        return OutputWithoutName(at.here, name=at.before.text if at.before is not None else "x")
    if head.text in FORMS or "COMMA" not in at.expected:
        return None
    if token.kind == "LSQB" and _is_bound_later(at):
        return BindsPart(at.here, name=at.before.text if at.before is not None else "x")
    if token.kind in _ENDS | _OPERATORS | {"ARROW", "LPAR", "LSQB"}:
        return Unnamed(at.span(head, at.before), _rest_of_line(at, head))
    return None


def _rest_of_line(at: Situation, token: Token) -> str:
    text = at.source.text
    end = text.find("\n", token.start)
    return text[token.start : len(text) if end < 0 else end]


def _is_bound_later(at: Situation) -> bool:
    depth = 0
    for token in at.tokens[at.index :]:
        depth += (token.kind in ("LPAR", "LSQB")) - (token.kind in ("RPAR", "RSQB"))
        if token.kind in _ENDS:
            return False
        if token.kind == "EQUAL" and depth == 0:
            return True
    return False


# --- expressions -------------------------------------------------------------------------------


def _arrow(at: Situation) -> Diagnostic | None:
    if at.before is None or at.before.kind != "ARROW":
        return None
    token = at.token
    instead = "write what to apply after each `->`, or take the `->` away"
    if token.kind == NEWLINE:
        instead = "begin the next line with `->` instead: a line does not go on after one"
    elif token.kind == "ARROW":
        instead = "take one of the two away"
    elif token.kind in ("NUMBER", "MINUS"):
        instead = "numbers are computed with by operators: `(x -> f) * 2`"
    return ArrowTarget(at.here, found=found(token), instead=instead)


def _after_chain(at: Situation) -> Diagnostic | None:
    if at.token.kind not in _OPERATORS:
        return None
    arrows = [t for t in at.level if t.kind == "ARROW"]
    if not arrows or "ARROW" not in at.expected:
        return None
    return AfterChain(at.here, sign=at.token.text, chain=at.span(arrows[-1]))


def _comparisons(at: Situation) -> Diagnostic | None:
    if at.token.kind not in ("COMPARE", "LE"):
        return None
    earlier = [t for t in at.level if t.kind in ("COMPARE", "LE")]
    if not earlier:
        return None
    return ChainedComparison(at.here, sign=at.token.text, first=at.span(earlier[-1]))


def _comma(at: Situation) -> Diagnostic | None:
    before, token = at.before, at.token
    if before is None or not at.brackets or "COMMA" not in at.expected:
        return None
    if token.kind == "EQUAL" and before.kind == "NAME" and len(at.level) >= 2:
        value = at.level[-2]
        if value.kind == "NUMBER":  # `6 kernel` reads as a quantity
            gap = Span(at.source, value.end, value.end)
            return MissingComma(gap, before=_short(value), after=before.text)
    if token.kind in _OPERANDS and before.kind in _OPERANDS | {"RPAR", "RSQB"}:
        gap = Span(at.source, before.end, before.end)
        return MissingComma(gap, before=_short(before), after=_short(token))
    return None


def _short(token: Token) -> str:
    return token.text if len(token.text) <= 24 else f"{token.text[:20]}…"


def _semicolon(at: Situation) -> Diagnostic | None:
    if at.token.kind == "SEMICOLON" and at.brackets:
        return SemicolonInCall(at.here)
    return None


def _value(at: Situation) -> Diagnostic | None:
    before = at.before
    if (
        before is None
        or at.token.kind not in _ENDS | {"RPAR", "RSQB", "COMMA"}
        or at.head == at.index
    ):
        return None
    if "NUMBER" not in at.expected or before.kind in ("LPAR", "LSQB"):
        return None
    if at.token.kind not in _ENDS and before.kind == "COMMA":
        return None
    return MissingValue(at.here, before=before.text)


_ROWS: tuple[Callable[[Situation], Diagnostic | None], ...] = (
    foreign.call,
    foreign.odd_character,
    foreign.comment,
    _format,
    foreign.word,
    foreign.heads,
    foreign.unpacking,
    _unclosed_bracket,
    _closer,
    _unclosed_brace,
    _nested_definition,
    foreign.inside_expression,
    foreign.number,
    foreign.sign,
    stride,
    _semicolon,
    _at_top,
    _colon_after_word,
    _constant_type,
    _outputs,
    _check,
    _keyword,
    _type,
    _colon,
    _dtype,
    _colon_for_equals,
    _body,
    _trailing_comma,
    _arrow,
    _after_chain,
    _comparisons,
    _binding,
    _comma,
    _value,
)
