"""The fenced blocks of a Markdown file, and what comments beside them ask for.

A comment on the line before a block speaks of it, in words separated by blanks:

``<!-- test: skip=REASON-IN-ONE-WORD -->``  is not executed (pictures in text, figures);
``<!-- test: long -->``                      is executed only where `-m long` asks for it;
``<!-- test: file=NAME -->``                 is written to NAME in the working folder, and not run;
``<!-- test: output -->``                    is what the block before it prints, to be compared;
``<!-- test: fails=CODE -->``                its last command must end with this exit status;
``<!-- test: mask=REGEX -->``                with `output`: what matches is not compared (times).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

KNOWN = {"skip", "long", "file", "output", "fails", "mask"}
_FENCE = re.compile(r"^(?P<fence>```+|~~~+)\s*(?P<language>[\w+-]*)\s*$")
_COMMENT = re.compile(r"^<!--\s*test:\s*(?P<words>.*?)\s*-->$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language (empty: plain text), its text, the line of its fence."""

    language: str
    text: str
    line: int
    asked: dict[str, str] = field(default_factory=dict)


def blocks_of(markdown: str) -> Iterator[Block]:
    """The blocks in order.

    Raises:
        ValueError: for a word in a comment that means nothing, or a fence that never ends.
    """
    lines = markdown.splitlines()
    asked: dict[str, str] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        comment = _COMMENT.match(line)
        if comment:
            pairs = (word.partition("=") for word in shlex.split(comment["words"]))
            asked = {name: value for name, _, value in pairs}
            if asked.keys() - KNOWN:
                raise ValueError(f"line {number}: unknown {sorted(asked.keys() - KNOWN)}")
            continue
        fence = _FENCE.match(line)
        if fence:
            begin = number
            while number < len(lines) and lines[number].strip() != fence["fence"]:
                number += 1
            if number == len(lines):
                raise ValueError(f"line {begin}: the block never ends")
            text = "\n".join(lines[begin:number]) + "\n"
            yield Block(fence["language"], text, begin, asked)
            number += 1
        if line.strip():
            asked = {}


def same_output(expected: str, printed: str, mask: str | None) -> bool:
    """Whether a command printed what the README shows.

    A line `...` stands for any lines; ends of lines are not compared; with ``mask``, what matches
    counts as equal on both sides.
    """

    def clean(text: str) -> list[str]:
        masked = re.sub(mask, "~", text) if mask else text
        return [" ".join(line.split()) for line in masked.strip().splitlines()]

    parts: list[list[str]] = [[]]
    for line in clean(expected):
        if line == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    shown = clean(printed)
    if len(parts) == 1:
        return shown == parts[0]
    if shown[: len(parts[0])] != parts[0] or shown[len(shown) - len(parts[-1]) :] != parts[-1]:
        return False
    position = len(parts[0])
    for part in parts[1:-1]:
        while shown[position : position + len(part)] != part:
            position += 1
            if position + len(part) > len(shown):
                return False
        position += len(part)
    return position + len(parts[-1]) <= len(shown)
