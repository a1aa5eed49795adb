"""Specs that could be meant: names, types, numbers and settings of good ones changed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tests.fuzz.seeds import names, seeds

_NAME = re.compile(r"\b[A-Za-z_]\w*\b")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
_DTYPE = re.compile(r"\b(?:float|int|uint8|float32|float16|int32|int64|bool)\b(?=\[)")
_DIMS = re.compile(r"\b(?:float|int|uint8)\w*\[([^\]]*)\]")
_CALL = re.compile(r"\b[a-z_]\w*\(([^()]*)\)")
_DTYPES = [
    "float", "int", "uint8", "float32", "float16", "bfloat16", "float64", "int32", "int64",
    "int8", "bool",
]  # fmt: skip
_VALUES = [
    "0", "1", "2", "3", "5", "-1", "7", "64", "1000", "1000000", "99999999999", "0.5", "1.5",
    "1e9", "0.0001", "10%", "true", "none",
]  # fmt: skip
_SIZES = [
    "N", "D", "H", "W", "T", "0", "1", "2", "3", "28", "<=T", "...", "N+1", "2*D", "N//2",
    "x.shape", "training",
]  # fmt: skip
_SETTINGS = (
    "axis = 1", "axis = 7", "axis = -9", "pad = 3", "pad = -1", "stride = 0", "stride = 2",
    "kernel = 99", "kernel = [3, 5]", "groups = 3", "bias = none", "weight = zeros",
    "keep = true", "weight = [[1, 2], [3, 4]]", "units = 2 ** 40", "rate = 2", "epsilon = 0",
    "dilation = 4", "size = 0", "channels = N", "activation = relu", "reverse = true",
    "smoothing = 1",
)  # fmt: skip


def restructured(rng: random.Random) -> bytes:
    """One to four changes of a spec that keep it readable more often than not."""
    text = rng.choice(seeds())
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        text = rng.choice(_CHANGES)(text, rng)
    return text.encode("utf-8")


def _one(
    pattern: re.Pattern[str], text: str, new: Callable[[re.Match[str]], str], rng: random.Random
) -> str:
    found = list(pattern.finditer(text))
    if not found:
        return text
    match = rng.choice(found)
    return text[: match.start()] + new(match) + text[match.end() :]


def _rename(text: str, rng: random.Random) -> str:
    found = _NAME.findall(text)
    if not found:
        return text
    new = rng.choice((rng.choice(found), rng.choice(names())))
    if rng.random() < 0.5:
        return _one(_NAME, text, lambda _: new, rng)
    return re.sub(rf"\b{rng.choice(found)}\b", new, text)


def _renumber(text: str, rng: random.Random) -> str:
    return _one(_NUMBER, text, lambda _: rng.choice(_VALUES), rng)


def _retype(text: str, rng: random.Random) -> str:
    return _one(_DTYPE, text, lambda _: rng.choice(_DTYPES), rng)


def _resize(text: str, rng: random.Random) -> str:
    def new(match: re.Match[str]) -> str:
        sizes = [s.strip() for s in match.group(1).split(",") if s.strip()]
        if sizes and rng.random() < 0.6:
            sizes[rng.randrange(len(sizes))] = rng.choice(_SIZES)
        elif sizes and rng.random() < 0.5:
            del sizes[rng.randrange(len(sizes))]
        else:
            sizes.insert(rng.randint(0, len(sizes)), rng.choice(_SIZES))
        return f"{match.group().split('[')[0]}[{', '.join(sizes)}]"

    return _one(_DIMS, text, new, rng)


def _arguments(text: str, rng: random.Random) -> str:
    def new(match: re.Match[str]) -> str:
        parts = [p.strip() for p in match.group(1).split(",") if p.strip()]
        kind = rng.randrange(4)
        if kind == 0 and parts:
            del parts[rng.randrange(len(parts))]
        elif kind == 1 and len(parts) > 1:
            rng.shuffle(parts)
        elif kind == 2:
            parts.append(rng.choice(_SETTINGS))
        else:
            parts.insert(
                rng.randint(0, len(parts)), rng.choice((rng.choice(_VALUES), rng.choice(names())))
            )
        return f"{match.group().split('(')[0]}({', '.join(parts)})"

    return _one(_CALL, text, new, rng)


def _chain(text: str, rng: random.Random) -> str:
    places = [m.end() for m in re.finditer(r"->[^\n;}]*", text)]
    if not places:
        return text
    layer = rng.choice(names()) + rng.choice(
        ("", "", "()", "(2)", "(3, 2)", "(x)", "(axis = 1)", "(0.5)")
    )
    place = rng.choice(places)
    return f"{text[:place]} -> {layer} {text[place:]}"


def _statement(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    others = rng.choice(seeds()).split("\n")
    lines.insert(rng.randint(0, len(lines)), rng.choice(others))
    return "\n".join(lines)


def _loop(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    head = rng.choice(
        (
            "for i in 1..3",
            "for i in 1..100000000",
            "for i in [relu, tanh]",
            "if training",
            "if 1 < 2",
        )
    )
    lines[at] = f"{head} {{ {lines[at].split('#')[0]} }}"
    return "\n".join(lines)


def _definition(text: str, rng: random.Random) -> str:
    return (
        f"{text}\n{rng.choice(seeds())}" if rng.random() < 0.5 else f"{rng.choice(seeds())}\n{text}"
    )


_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    _rename, _rename, _renumber, _renumber, _retype, _resize, _arguments, _arguments, _chain,
    _chain, _statement, _loop, _definition,
)  # fmt: skip
