"""What editors need to colour a spec: which words are keywords where, and the TextMate grammar.

Most keywords are soft: `step`, `data` or `from` are ordinary names everywhere else. An editor does
not parse, so a word counts as a keyword by where it stands and by what follows it.

python -m dlspec.syntax.editor        # writes grammars/dlspec.tmLanguage.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEFINITIONS = ("network", "block", "cell", "recipe", "data", "engine", "experiment", "const")
"""At the head of a line, before the name that they define."""
HEADS = (
    "import",
    "check",
    "input",
    "output",
    "state",
    "param",
    "noise",
    "return",
    "minimize",
    "maximize",
    "load",
    "for",
    "if",
    "step",
    "stage",
)
"""At the head of a statement."""
BETWEEN = (
    "as",
    "for",
    "on",
    "in",
    "of",
    "from",
    "runs",
    "over",
    "with",
    "when",
    "within",
    "else",
    "if",
)
"""Between two parts of a statement."""
OPERATORS = ("and", "or", "not")
CONSTANTS = ("true", "false")
TYPES = (
    "float",
    "int",
    "bool",
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "uint8",
    "int8",
    "int32",
    "int64",
)

NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:%(?![\w(\[]))?"
SIGN = r"->|\.\.\.|\.\.|\*\*|//|==|!=|<=|>=|[-+*/%@<>=~]"
AFTER_HEAD = r"(?=\s+[\"\w(\[\-])(?!\s*=(?!=))"
"""What follows a keyword at a statement's head: a part of the statement, and no `=`."""
AFTER_BETWEEN = r"(?=\s+[\"\w(\[{\-]|\s*\{)(?!\s*=(?!=))"


def any_of(words: tuple[str, ...]) -> str:
    """A pattern of whole words."""
    return rf"\b(?:{'|'.join(words)})\b"


def textmate() -> dict[str, Any]:
    """The grammar for editors that read TextMate's."""
    head = r"(?:^|(?<=[{;]))\s*"
    return {
        "$schema": (
            "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json"
        ),
        "name": "dlspec",
        "scopeName": "source.dlspec",
        "fileTypes": ["dl"],
        "patterns": [
            {"name": "comment.line.number-sign.dlspec", "match": r"#.*$"},
            {"name": "string.quoted.double.dlspec", "match": r"\"[^\"\n]*\""},
            {
                "match": rf"{head}({any_of(DEFINITIONS)})\s+([A-Za-z_]\w*)",
                "captures": {
                    "1": {"name": "keyword.declaration.dlspec"},
                    "2": {"name": "entity.name.type.dlspec"},
                },
            },
            {
                "match": rf"{head}({any_of(HEADS)}){AFTER_HEAD}",
                "captures": {"1": {"name": "keyword.control.dlspec"}},
            },
            {"name": "constant.language.dlspec", "match": any_of(CONSTANTS)},
            {"name": "keyword.operator.word.dlspec", "match": any_of(OPERATORS)},
            {"name": "keyword.control.dlspec", "match": rf"{any_of(BETWEEN)}{AFTER_BETWEEN}"},
            {"name": "variable.language.dlspec", "match": r"\b[A-Za-z_]\w*'"},
            {"name": "constant.numeric.dlspec", "match": rf"(?<!\w){NUMBER}"},
            {
                "match": rf"(:)\s*({any_of(TYPES)})",
                "captures": {"2": {"name": "storage.type.dlspec"}},
            },
            {"name": "entity.name.function.dlspec", "match": r"\b[A-Za-z_]\w*(?=\()"},
            {"name": "keyword.operator.dlspec", "match": SIGN},
        ],
    }


def textmate_text() -> str:
    """The grammar as its file holds it."""
    return json.dumps(textmate(), indent=2) + "\n"


if __name__ == "__main__":
    place = Path(__file__).resolve().parents[2] / "grammars" / "dlspec.tmLanguage.json"
    place.write_text(textmate_text(), "utf-8")
