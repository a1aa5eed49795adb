"""Make the parse table from the grammar: ``python -m dlspec.syntax.build_table``.

Lark analyses the grammar here, once; parsing needs only the table, so that `dlspec` starts without
importing Lark, and nothing is ever unpickled.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlspec.syntax.table import TABLE_PATH, grammar_path

if TYPE_CHECKING:
    from lark import Lark
    from lark.grammar import Rule

Row = dict[str, int]


def load_grammar(*, strict: bool = False) -> Lark:
    """Lark's own analysis of the grammar; ``strict`` (needs `interegular`) refuses any conflict."""
    from lark import Lark

    text = grammar_path().read_text(encoding="utf-8")
    return Lark(text, parser="lalr", propagate_positions=True, strict=strict)


def build_table() -> str:
    """The table as JSON text; the same for the same grammar."""
    lark = load_grammar()
    parse_table: Any = lark.parser.parser._parse_table
    rules = sorted(lark.rules, key=_rule_key)
    numbers = {rule: i for i, rule in enumerate(rules)}
    order = _number_states(parse_table)
    states: list[Row] = [{} for _ in order]
    for old, new in order.items():
        for symbol, (action, argument) in sorted(parse_table.states[old].items()):
            if action.name == "Shift":
                states[new][symbol] = order[argument]
            else:
                states[new][symbol] = -numbers[argument] - 1
    terminals = sorted(
        (t for t in lark.terminals if t.name not in {"_NL", *lark.ignore_tokens}),
        key=lambda t: (-t.pattern.max_width, -len(t.pattern.value), t.name),
    )
    words = {t.pattern.value: t.name for t in terminals if t.pattern.value.isidentifier()}
    table = {
        "words": dict(sorted(words.items())),
        "tokens": [
            [t.name, t.pattern.to_regexp()] for t in terminals if t.name not in words.values()
        ],
        "rules": [_rule(rule) for rule in rules],
        "start": order[parse_table.start_states["start"]],
        "end": order[parse_table.end_states["start"]],
        "states": states,
    }
    rows = [f"{json.dumps(k)}: {_lines(v)}" for k, v in table.items()]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _lines(value: object) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in value) + "\n]"  # pyright: ignore[reportUnknownVariableType]
    return json.dumps(value, separators=(",", ":"))


def _rule_key(rule: Rule) -> tuple[str, list[str], str]:
    return str(rule.origin.name), [s.name for s in rule.expansion], rule.alias or ""


def _rule(rule: Rule) -> list[object]:
    """``[nonterminal, length, action, shape, trailing]``.

    The action is the name of the builder's method, or "" for a helper rule, whose children go up
    into those of the rule that uses it, or "?" for a rule that passes its only child on. The shape
    lists, for each child that is kept, ``[index, splice, nones before it]``.
    """
    origin = str(rule.origin.name)
    empty = list(rule.options.empty_indices or ())
    gaps = [0]
    for is_gap in empty:
        if is_gap:
            gaps[-1] += 1
        else:
            gaps.append(0)
    gaps += [0] * (len(rule.expansion) + 1 - len(gaps))
    shape: list[list[int]] = []
    nones = 0
    for i, symbol in enumerate(rule.expansion):
        nones += gaps[i]
        if not (symbol.is_term and getattr(symbol, "filter_out", False)):
            shape.append([i, int(not symbol.is_term and symbol.name.startswith("_")), nones])
            nones = 0
    nones += gaps[len(rule.expansion)]
    if origin.startswith("_"):
        action = ""
    elif rule.alias:
        action = rule.alias
    elif rule.options.expand1 and len(shape) == 1 and not nones and not shape[0][2]:
        action = "?"
    else:
        action = origin
    return [origin, len(rule.expansion), action, shape, nones]


def _number_states(parse_table: Any) -> dict[int, int]:
    """Number the states in the order of a walk, so that Lark's own numbering does not matter."""
    start = parse_table.start_states["start"]
    order: dict[int, int] = {start: 0}
    queue = [start]
    for state in queue:
        for _, (action, argument) in sorted(parse_table.states[state].items()):
            if action.name == "Shift" and argument not in order:
                order[argument] = len(order)
                queue.append(argument)
    return order


def main() -> None:
    """Write the table beside this module."""
    aside = Path(f"{TABLE_PATH}.new")
    aside.write_text(build_table(), encoding="utf-8")
    os.replace(aside, TABLE_PATH)


if __name__ == "__main__":
    main()
