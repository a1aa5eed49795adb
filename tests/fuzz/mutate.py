"""Texts that nobody would write: bytes, tokens and lines of specs changed at random."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tests.fuzz.seeds import names, seeds

_TOKEN = re.compile(r"[A-Za-z_]\w*'?|\d+(?:\.\d+)?|\"[^\"\n]*\"|->|\.\.\.?|[<>=!]=|\s+|.", re.S)
_ODD = [
    "\x00", "\x07", "\x1b[31m", "\ufeff", "\u200b", "\u202e", "\u2028", "\xa0", "é", "ß", "日本",
    "𝔘", "é", "\U0010ffff", "θ", "→", "⇒", "≤", "−", "‘", "’", "“", "”", "…", "'",
]  # fmt: skip
_SIGNS = [
    "(", ")", "[", "]", "{", "}", ",", ";", ":", "=", "==", "->", "..", "...", "~", "'", '"',
    "#", "//", "/*", "*/", "@", "*", "**", "/", "%", "+", "-", "<", "<=", ">", "&&", "||", "!",
    "?", "|", "\\", "`", "$",
]  # fmt: skip
_WORDS = [
    "network", "block", "cell", "data", "recipe", "engine", "experiment", "check", "import",
    "const", "input", "output", "state", "param", "noise", "return", "minimize", "maximize",
    "load", "for", "if", "else", "step", "stage", "over", "with", "when", "of", "as", "on",
    "runs", "in", "from", "within", "and", "or", "not", "true", "false", "none", "None", "self",
    "lambda", "def", "class", "training", "learning",
]  # fmt: skip
_NUMBERS = [
    "0", "1", "-1", "2", "1000000000000", "99999999999999999999999999", "0.0", "1e308", "1e999",
    "5%", "0x10", "1_000", ".5", "5.", "3e-400",
]  # fmt: skip

MOST = 12_000
"""Characters that a bomb adds: longer ones only take longer."""


def mutated(rng: random.Random) -> bytes:
    """One to five changes of a spec, as bytes."""
    text = rng.choice(seeds())
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        text = rng.choice(_CHANGES)(text, rng)
    raw = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.15 and raw:
        changed = bytearray(raw)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        raw = bytes(changed)
    return raw


def _at(text: str, rng: random.Random) -> int:
    return rng.randint(0, len(text))


def _delete(text: str, rng: random.Random) -> str:
    start = _at(text, rng)
    return text[:start] + text[start + rng.choice((1, 1, 2, 5, 40)) :]


def _insert(text: str, rng: random.Random) -> str:
    what = rng.choice((_ODD, _SIGNS, _WORDS, _NUMBERS, names()))
    start = _at(text, rng)
    space = rng.choice(("", " "))
    return text[:start] + space + rng.choice(what) + space + text[start:]


def _truncate(text: str, rng: random.Random) -> str:
    return text[: _at(text, rng)] if rng.random() < 0.7 else text[_at(text, rng) :]


def _lines(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif kind == 1:
        lines.insert(b, lines[a])
    elif kind == 2:
        del lines[a]
    elif kind == 3:
        lines[a] = rng.choice(("", "    ", "\t")) + lines[a].strip()
    else:
        lines[a] += "\r" if rng.random() < 0.5 else " " + lines[b]
    return "\n".join(lines)


def _tokens(text: str, rng: random.Random) -> str:
    tokens = _TOKEN.findall(text)
    solid = [i for i, t in enumerate(tokens) if not t.isspace()]
    if len(solid) < 2:
        return text
    a, b = rng.choice(solid), rng.choice(solid)
    kind = rng.randrange(4)
    if kind == 0:
        tokens[a], tokens[b] = tokens[b], tokens[a]
    elif kind == 1:
        tokens[a] = tokens[b]
    elif kind == 2:
        del tokens[a]
    else:
        tokens.insert(a, tokens[b])
    return "".join(tokens)


def _splice(text: str, rng: random.Random) -> str:
    other = rng.choice(seeds())
    return text[: _at(text, rng)] + other[_at(other, rng) :]


def _bomb(text: str, rng: random.Random) -> str:
    count = rng.choice((60, 149, 150, 151, 400, 3000))
    start = _at(text, rng)
    opening, closing = rng.choice(_BOMBS)
    inner = rng.choice(("", "x", "1"))
    count = min(count, MOST // len(opening + closing))
    end = closing * count if rng.random() < 0.7 else ""
    return text[:start] + opening * count + inner + end + text[start:]


_BOMBS = (
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("f(", ")"),
    ("[[1], ", "]"),
    ("if true { ", " }"),
    ("for i in 1..3 { ", " }"),
    ("not ", ""),
    ("-", ""),
    ("x -> ", "x"),
    ("a.", "a"),
    ("2 ** ", ""),
    ("1 + ", ""),
    ("x[", "]"),
    ("\n", ""),
    (" ", ""),
    ("a", ""),
    ("9", ""),
    ("# ", ""),
    ("e\u0301", ""),
    ("x = x -> dense(4)\n", ""),
    ("network n { ", "}"),
    ('"', '"'),
)


_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    _delete, _insert, _insert, _truncate, _lines, _lines, _tokens, _tokens, _tokens, _splice, _bomb,
)  # fmt: skip
