"""The table of ops in the language reference, made from the ops themselves.

python -m tests.docs.op_table        # writes it into grammars/README.md
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

from dlspec.ops import REGISTRY
from dlspec.ops.base import Op
from dlspec.sema.op_settings import hidden_settings, spelling

REFERENCE = Path(__file__).resolve().parents[2] / "grammars" / "README.md"
BEGIN, END = "<!-- ops -->", "<!-- end of ops -->"


def default_text(value: object) -> str:
    """A default as a spec writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, tuple):
        return f"[{', '.join(default_text(v) for v in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def settings_text(op: type[Op]) -> str:
    """`kernel, stride = 1`."""
    found: list[str] = []
    for name, field in op.attributes().items():
        if name in hidden_settings(op):
            continue
        if field.default is dataclasses.MISSING:
            found.append(spelling(name))
        else:
            found.append(f"{spelling(name)} = {default_text(field.default)}")
    return ", ".join(found)


def sentence(op: type[Op]) -> str:
    """The first sentence of its docstring, with code in single backticks."""
    text = " ".join((op.__doc__ or "").split())
    first = re.split(r"(?<=[.;:])\s+(?=[A-Z`(])", text.replace("``", "`"))[0]
    return first.rstrip(".;:").replace("|", "\\|")


def rule(op: type[Op]) -> str:
    """The tensors and parameters of its signature."""
    inside = op.signature.partition("->")[0].strip()
    return inside.removeprefix("(").removesuffix(")").replace("|", "\\|")


def table() -> str:
    """All ops that a spec may call, by family."""
    families: dict[str, list[type[Op]]] = {}
    for op in REGISTRY.values():
        if not op.internal:
            families.setdefault(op.__module__, []).append(op)
    lines: list[str] = []
    for module in sorted(families, key=lambda m: m.rsplit(".", 1)[1]):
        about = (importlib.import_module(module).__doc__ or "").strip().partition("\n\n")[0]
        title = re.split(r"[.;:](?:\s|$)", " ".join(about.split()))[0]
        lines += ["", f"**{title}**", "", "| | takes | is |", "|---|---|---|"]
        for op in sorted(families[module], key=lambda o: o.name):
            settings = settings_text(op)
            call = f"`{op.name}({settings})`" if settings else f"`{op.name}`"
            lines.append(f"| {call} | `{rule(op)}` | {sentence(op)} |")
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """The reference with a current table."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2] if END in rest else rest
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    REFERENCE.write_text(written(REFERENCE.read_text("utf-8")), "utf-8")
