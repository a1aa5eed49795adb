"""`dlspec explain CODE`: what a diagnostic means, with a wrong and a right example."""

from __future__ import annotations

import argparse
import dataclasses
import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

WIDTH = 80
GROUPS = {
    "DL1": "How a spec is written",
    "DL2": "Names and arguments",
    "DL3": "Shapes, types and lengths",
    "DL4": "Settings of recipes and engines, requests to a server",
    "DL5": "What a target cannot express",
    "DL6": "Data, bundles, engines, inputs, runs",
    "DL7": "What verification finds",
    "DL8": "What this version cannot do yet",
    "DL9": "Commands and files",
}


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("explain", help="explain a diagnostic")
    parser.add_argument("code", nargs="?", help="such as DL302; without one, all codes are listed")
    parser.add_argument("--json", action="store_true", help="one JSON object for each code")


def catalogue() -> dict[str, type[Any]]:
    """Every diagnostic by code, from all modules of the catalogue."""
    import dlspec.diagnostics as package

    for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
        if path.stem not in ("__init__", "render", "snippet", "peers", "peer_calls", "examples"):
            import_module(f"dlspec.diagnostics.{path.stem}")
    return dict(sorted(package.CATALOGUE.items()))


def run(args: argparse.Namespace) -> int:
    """Print one explanation, or the list."""
    from dlspec.cli.output import say
    from dlspec.diagnostics.examples import explanation

    known = catalogue()
    codes = list(known) if args.code is None else [_code(args.code, known)]
    if args.json:
        import json

        for code in codes:
            say(json.dumps(dataclasses.asdict(explanation(known[code]))))
    elif args.code is None:
        say(listing(known))
    else:
        say(explained(known[codes[0]]))
    return 0


def _code(written: str, known: dict[str, type[Any]]) -> str:
    """The code that was meant: `dl302` and `302` are DL302."""
    from dlspec.diagnostics import DlspecError, did_you_mean
    from dlspec.diagnostics.internal import BadOption

    code = written.strip().strip("[]").upper()
    code = f"DL{code}" if code.isdigit() else code
    if code in known:
        return code
    longer = [c for c in known if c.startswith(code)] if code.startswith("DL") else []
    near = did_you_mean(code, known)
    advice = f"did you mean `{near}`?" if near else "`dlspec explain` lists all"
    if longer:
        advice = f"there are {', '.join(longer[:12])}{', …' if len(longer) > 12 else ''}"
    raise DlspecError(BadOption(None, "code", written, "a code such as `DL302`", advice))


def listing(known: dict[str, type[Any]]) -> str:
    """All codes in groups, each with what it is."""
    from dlspec.diagnostics.examples import explanation

    lines: list[str] = []
    for start, group in GROUPS.items():
        kinds = [kind for code, kind in known.items() if code.startswith(start)]
        if not kinds:
            continue
        lines += ["", group] if lines else [group]
        for kind in kinds:
            shown = explanation(kind)
            sign = "  warning: " if shown.severity == "warning" else "  "
            room = WIDTH - len(shown.code) - len(sign) - 2
            first = " ".join(shown.text.split("\n\n")[0].replace("``", "`").split())
            sentence = re.split(r"(?<=[a-z`)])[.] ", first + " ")[0].rstrip(". ")
            lines.append(
                f"  {shown.code}{sign}{textwrap.shorten(sentence, room, placeholder=' …')}"
            )
    lines += ["", "`dlspec explain DL302` tells more of one, with a wrong and a right example."]
    return "\n".join(lines)


def explained(kind: type[Any]) -> str:
    """The text of a code and its examples, at 80 columns."""
    from dlspec.diagnostics.examples import Example, explanation
    from dlspec.diagnostics.render import wrapped

    def shown(word: str, example: Example) -> list[str]:
        remark = f" ({example.remark})" if example.remark else ""
        body = [f"    {line}".rstrip() for line in example.text.splitlines()]
        return ["", *wrapped(f"{word}{remark}:", WIDTH), *body]

    found = explanation(kind)
    lines = wrapped(f"{found.severity}[{found.code}]: {found.title}", WIDTH)
    for paragraph in found.text.replace("``", "`").split("\n\n"):
        lines.append("")
        if paragraph.startswith("    "):
            lines += paragraph.splitlines()
        else:
            lines += wrapped(" ".join(paragraph.split()), WIDTH)
    for example in found.wrong:
        lines += shown("Wrong", example)
    for example in found.right:
        lines += shown("Right", example)
    return "\n".join(lines)
