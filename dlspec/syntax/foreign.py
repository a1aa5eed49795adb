"""Slips of people who write other languages most of the day."""

from __future__ import annotations

import re
import unicodedata

from dlspec.diagnostics.core import Diagnostic
from dlspec.diagnostics.slips import (
    BadCharacter,
    BadNumber,
    Comprehension,
    ForeignComment,
    ForeignSign,
    ForeignWord,
    SingleQuotes,
    UnclosedString,
)
from dlspec.source import Span
from dlspec.syntax.lexer import BAD, NEWLINE
from dlspec.syntax.situation import Situation

_WORDS = {
    **dict.fromkeys(
        ("def", "function", "fn", "func", "fun", "proc"),
        "what is used several times is a `block name(inputs; settings) { … }`",
    ),
    **dict.fromkeys(
        ("class", "model", "module", "struct"),
        "a model is a `network name(settings) { … }`, a part of one a `block`",
    ),
    **dict.fromkeys(("layer",), "a layer is bound by `=`: `head = dense(10)`"),
    **dict.fromkeys(
        ("let", "var", "val", "local", "global", "set"),
        "a name is bound by `=` alone: `h = relu(x)`",
    ),
    "while": "what repeats is a `for i in 1..n { … }`; a loop in the graph is `scan`, `generate`",
    "elif": "write `else if condition { … }`",
    "elseif": "write `else if condition { … }`",
    "from": 'other specs are imported whole: `import "vgg.dl"`, and used by their names',
    "include": 'write `import "vgg.dl"`',
    "print": "to see a value, make it an `output`; `dlspec predict` shows the outputs",
    "assert": "write a `check` beside the definitions: `check net(x = 1).y == 2 within 0.01`",
    **dict.fromkeys(
        ("pass", "try", "raise", "yield", "await", "async", "del"),
        "a spec says what is, not what to do",
    ),
    "type": "types are written where they are used: `input x: float[N, 2]`",
    "train": "training is a `recipe name for network on data { … }`",
    "loss": "a loss is minimised: `minimize cross_entropy(logits, label)`",
    **dict.fromkeys(
        ("export", "public", "private", "static", "default"),
        "all definitions of a file can be imported: leave the word out",
    ),
    "then": "write `if condition { … }`",
}
_PACKAGES = frozenset(
    ["torch", "tensorflow", "numpy", "keras", "jax", "nn", "math", "os", "sys", "onnx", "np", "tf"]
)

_SIGNS = {
    "&&": "write `and`",
    "||": "write `or`",
    "|>": "write `->`",
    "|": "an arrow applies a layer, `x -> relu`; between truths stands `or`",
    "&": "write `and`",
    "!": "write `not`",
    "^": "a power is written `**`",
    "?": "write `if condition { … } else { … }`",
    "\\": "a line goes on by itself inside brackets, after a comma, and before `->`",
    "`": 'names stand as they are, strings in `"double quotes"`',
    "→": "write `->`",
    "⟶": "write `->`",
    "⇒": "write `->`",
    "←": "write `=`",
    "×": "write `*`",
    "·": "write `*`",
    "÷": "write `/`",
    "−": "write `-`",
    "–": "write `-`",
    "—": "write `-`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "…": "write `...`",
    "²": "write `** 2`",
    "³": "write `** 3`",
    "∼": "write `~`",
    **dict.fromkeys("“”„«»", 'write `"`'),
    **dict.fromkeys("‘’′", "write `'`"),
}


def odd_character(at: Situation) -> Diagnostic | None:
    """A character or sign that begins no token of the language."""
    token = at.token
    if token.kind != BAD:
        return None
    text = at.source.text
    if token.text == '"':
        end = text.find("\n", token.start)
        return UnclosedString(Span(at.source, token.start, len(text) if end < 0 else end))
    if token.text == "'":
        match = re.compile(r"'([^'\n]*)'").match(text, token.start)
        if match is not None:
            return SingleQuotes(Span(at.source, match.start(), match.end()), text=match.group(1))
    for size in (2, 1):
        sign = text[token.start : token.start + size]
        if sign in _SIGNS and len(sign) == size:
            return ForeignSign(
                Span(at.source, token.start, token.start + size), sign=sign, instead=_SIGNS[sign]
            )
    return _bad_character(at.here, token.text)


def _bad_character(span: Span, character: str) -> BadCharacter:
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "")
    shown = (
        f"`{character}` ({code})" if character.isprintable() and not character.isspace() else code
    )
    instead = None
    if unicodedata.category(character) in ("Zs", "Cf"):
        instead = "it cannot be seen; write an ordinary space, or delete it"
    elif name.startswith("GREEK") and " LETTER " in name:
        letter = name.split(" LETTER ")[1].split()[0].lower()
        instead = f"names are made of a-z, A-Z, 0-9 and _: `{letter}`"
    elif character.isalpha():
        instead = "names are made of a-z, A-Z, 0-9 and _"
    return BadCharacter(
        span, character=shown, name=name.lower() or "a control character", instead=instead
    )


def call(at: Situation) -> Diagnostic | None:
    """A layer of another framework, in whose arguments something does not fit."""
    from dlspec.diagnostics.peer_calls import peer_call_at

    for opening in at.brackets:
        first = opening - 1
        while first >= 2 and at.tokens[first - 1].kind == "DOT":
            first -= 2
        callee = at.tokens[first]
        if callee.kind != "NAME" or at.tokens[opening].kind != "LPAR":
            continue
        place = at.span(callee, at.tokens[opening - 1])
        advice = peer_call_at(place)
        if advice is not None:
            return ForeignWord(place, word=place.text, instead=advice)
    return None


def heads(at: Situation) -> Diagnostic | None:
    """`for (i = 0; …)`, `network n() -> float[N]`, `@decorator`."""
    head, token = at.head_token, at.token
    if head.text == "for" and token.kind == "LPAR" and at.index == at.head + 1:
        instead = "both ends are included in `for i in 1..3 { … }`"
        return ForeignSign(at.span(head, token), sign="for (…)", instead=instead)
    if token.kind == "ARROW" and "LBRACE" in at.expected and not at.braces:
        instead = "what comes out is declared in the body: `output y: float[N, 10] = …`"
        if head.text == "block":
            instead = "what comes out of a block is its `return`; its type follows from it"
        return ForeignSign(at.here, sign=f"-> {at.after().text}", instead=instead)
    if token.text == "@" and at.index == at.head:
        instead = "there are no decorators: leave the line out"
        return ForeignSign(at.here, sign=f"@{at.after().text}", instead=instead)
    return None


def unpacking(at: Situation) -> Diagnostic | None:
    """`*args`, `**kwargs`, a tuple of one, a string with a prefix."""
    token, before, after = at.token, at.before, at.after()
    if before is None:
        return None
    if token.text in ("*", "**") and before.kind in ("LPAR", "LSQB", "COMMA"):
        return ForeignSign(
            at.span(token, after if after.kind == "NAME" else token),
            sign=token.text,
            instead="arguments are written out, each with its name: nothing is unpacked here",
        )
    if token.kind == "RPAR" and before.kind == "COMMA" and len(at.brackets) > 1:
        opening = at.tokens[at.brackets[-1]]
        one = at.source.text[opening.end : before.start].strip()
        if "," not in one:
            instead = f"write `{one}` alone, or the list `[{one}]`"
            return ForeignSign(at.span(opening, token), sign=f"({one},)", instead=instead)
    if token.kind == "STRING" and before.kind == "NAME" and before.end == token.start:
        instead = "strings stand as they are: nothing is filled in or escaped"
        return ForeignSign(at.span(before, token), sign=f'{before.text}"…"', instead=instead)
    if token.text in (">", "<") and before.text == token.text and before.end == token.start:
        instead = "an arrow applies a layer: `x -> relu`" if token.text == ">" else "write `=`"
        return ForeignSign(at.span(before, token), sign=token.text * 2, instead=instead)
    return None


def comment(at: Situation) -> Diagnostic | None:
    """`// …`, `/* … */` or `-- …` where a comment was meant."""
    line = at.source.position(at.token.start)[0]
    for token in at.tokens[at.head : at.index + 1]:
        if at.source.position(token.start)[0] != line:
            continue
        sign = at.source.text[token.start : token.start + 2]
        spaced = at.source.text[token.end : token.end + 1] in (" ", "*", "/")
        if sign == "/*" or (sign == "//" and (spaced or token is at.token)):
            return ForeignComment(Span(at.source, token.start, token.start + 2), sign=sign)
    if at.index == at.head and at.source.text.startswith("--", at.token.start):
        return ForeignComment(Span(at.source, at.token.start, at.token.start + 2), sign="--")
    return None


def word(at: Situation) -> Diagnostic | None:
    """A statement that begins with a word of another language."""
    head, token = at.head_token, at.token
    bound = at.tokens[min(at.head + 1, len(at.tokens) - 1)].kind == "EQUAL"
    if not at.braces and bound and at.index == at.head:
        from dlspec.diagnostics.peer_calls import value_advice

        advice = value_advice(at.source, at.tokens[at.head + 1].end)
        if advice is not None:
            return ForeignWord(at.span(at.tokens[at.head + 2]), advice[0], advice[1])
    if head.text == "import" and at.index == at.head + 1 and token.kind == "NAME":
        instead = 'an import names a spec: `import "vgg.dl"`'
        if token.text in _PACKAGES:
            instead = "a spec needs no Python package: `dense`, `conv`, `relu`, … are there by name"
        return ForeignWord(at.span(head, token), word=f"import {token.text}", instead=instead)
    if head.text in _WORDS and at.index <= at.head + 1 and token.kind not in ("EQUAL", "COMMA"):
        if token.kind == "EQUAL" or at.tokens[at.head + 1].kind in ("EQUAL", "COMMA"):
            return None
        return ForeignWord(at.span(head), word=head.text, instead=_WORDS[head.text])
    before = at.before
    if before is not None and before.text == "lambda":
        instead = "a function of tensors is a `block`, and is passed on by its name"
        return ForeignWord(at.span(before), word="lambda", instead=instead)
    return None


def inside_expression(at: Situation) -> Diagnostic | None:
    """A comprehension, or a condition inside an expression."""
    token = at.token
    if at.index == at.head or token.text not in ("for", "if"):
        return None
    if token.text == "for" and not at.brackets:
        return None
    instead = "write `xs = []`, then `for i in 1..3 { xs = append(xs, f(i)) }`"
    if token.text == "if":
        instead = "write `if c { y = a } else { y = b }`, for tensors `where(c, a, b)`"
    return Comprehension(at.here, word=token.text, instead=instead)


def sign(at: Situation) -> Diagnostic | None:
    """Signs of other languages that are made of ours."""
    token, before, after = at.token, at.before, at.after()
    touching = after.start == token.end
    touched = before is not None and before.end == token.start
    pair = token.text + after.text
    wants_binding = "EQUAL" in at.expected
    name = before.text if before is not None and before.kind == "NAME" else "x"
    if (
        wants_binding
        and touching
        and after.kind == "EQUAL"
        and token.kind in ("PLUS", "MINUS", "TIMES", "POWER")
    ):
        instead = f"write `{name} = {name} {token.text} …`"
        return ForeignSign(at.span(token, after), sign=pair, instead=instead)
    if wants_binding and touching and pair in ("++", "--"):
        return ForeignSign(
            at.span(token, after), sign=pair, instead=f"write `{name} = {name} {token.text} 1`"
        )
    if wants_binding and touching and pair == "<-":
        return ForeignSign(at.span(token, after), sign=pair, instead="write `=`")
    if token.kind == "EQUAL" and touching and after.text.startswith(">"):
        return ForeignSign(at.span(token, after), sign="=>", instead="write `->`")
    if before is None or not touched:
        return None
    if before.kind == "COLON" and token.kind == "EQUAL":
        return ForeignSign(at.span(before, token), sign=":=", instead="write `=`")
    if before.kind == "EQUAL" and token.text in (">", "=="):
        joined = before.text + token.text
        instead = "write `->`" if joined == "=>" else "write `==`"
        return ForeignSign(at.span(before, token), sign=joined, instead=instead)
    if before.kind == "DOT" and at.index >= 2 and at.tokens[at.index - 2].kind == "NUMBER":
        digits = at.tokens[at.index - 2]
        if digits.end == before.start:
            return BadNumber(
                at.span(digits, before),
                text=f"{digits.text}.",
                why=f"write `{digits.text}` or `{digits.text}.0`",
            )
    return None


def number(at: Situation) -> Diagnostic | None:
    """`.5`, which is `0.5` here."""
    token, after = at.token, at.after()
    if token.kind == "DOT" and after.kind == "NUMBER" and after.start == token.end:
        return BadNumber(
            at.span(token, after), text=f".{after.text}", why=f"write `0.{after.text}`"
        )
    if (
        token.kind == "NUMBER"
        and token.end == after.start
        and after.kind == "DOT"
        and at.after(2).kind == NEWLINE
    ):
        return BadNumber(
            at.span(token, after), text=f"{token.text}.", why=f"write `{token.text}.0`"
        )
    return None
