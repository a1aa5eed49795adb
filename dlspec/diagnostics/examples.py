"""What a diagnostic's docstring explains: the text, and what is wrong and right, as data.

A docstring ends with blocks like these; a remark may stand in parentheses before the colon::

    Wrong:
        const n = 3
        const n = 4

    Right (another name):
        const n = 3
        const m = 4

A block is a spec, a command that begins with ``$`` or ``dlspec``, Python that begins with ``>>>``,
a request that begins with its method, or the lines of a file, whose name is then the remark.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Literal

from dlspec.diagnostics.core import Diagnostic

Form = Literal["spec", "command", "python", "request", "file"]

_HEAD = re.compile(r"(Wrong|Right)(?: \((.*)\))?:\Z")
_FILE = re.compile(r"\w+\.(csv|json|npz)\b")


@dataclass(frozen=True)
class Example:
    """One block: ``form`` says what it is, ``remark`` what to know of it (may be empty)."""

    form: Form
    remark: str
    text: str


@dataclass(frozen=True)
class Explanation:
    """What `dlspec explain` shows of a code."""

    code: str
    severity: str
    title: str
    text: str
    wrong: tuple[Example, ...]
    right: tuple[Example, ...]


def explanation(kind: type[Diagnostic]) -> Explanation:
    """The explanation in a diagnostic's docstring."""
    lines = (inspect.getdoc(kind) or "").splitlines()
    text: list[str] = []
    found: dict[str, list[Example]] = {"Wrong": [], "Right": []}
    index = 0
    while index < len(lines):
        head = _HEAD.match(lines[index])
        index += 1
        if head is None:
            text.append(lines[index - 1])
            continue
        block: list[str] = []
        while index < len(lines) and (not lines[index] or lines[index].startswith("    ")):
            block.append(lines[index][4:])
            index += 1
        body = "\n".join(block).rstrip() + "\n"
        found[head.group(1)].append(Example(_form(body, head.group(2)), head.group(2) or "", body))
    title = re.sub(r"(?<!\{)\{(\w+)(?::\w+)?\}", r"<\1>", kind.title)
    return Explanation(
        kind.code,
        kind.severity,
        title.replace("{{", "{").replace("}}", "}"),
        "\n".join(text).strip(),
        tuple(found["Wrong"]),
        tuple(found["Right"]),
    )


def _form(text: str, remark: str | None) -> Form:
    if text.startswith(("$ ", "dlspec ", "pip ")):
        return "command"
    if text.startswith(">>> "):
        return "python"
    if text.startswith(("POST ", "GET ")):
        return "request"
    return "file" if remark and _FILE.match(remark) else "spec"
