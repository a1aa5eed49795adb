"""Every example of the language reference compiles, and its table of ops is current."""

from __future__ import annotations

import re

import pytest

from dlspec.diagnostics import Sink
from dlspec.diagnostics.render import render
from dlspec.ops import REGISTRY
from dlspec.sema.analyse import analyse
from dlspec.sema.later import LATER
from dlspec.source import SourceFile
from dlspec.syntax import format_source
from tests.docs.blocks import Block, blocks_of
from tests.docs.op_table import REFERENCE, written

TEXT = REFERENCE.read_text("utf-8")
BLOCKS = list(blocks_of(TEXT))
EXAMPLES = [b for b in BLOCKS if b.language == "dl" and "fails" not in b.asked]
WRONG = [
    (block, BLOCKS[number + 1]) for number, block in enumerate(BLOCKS) if "fails" in block.asked
]


def told(block: Block) -> Sink:
    sink = Sink()
    analyse(SourceFile("example.dl", block.text), sink)
    return sink


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda b: f"line {b.line}")
def test_example_compiles(block: Block) -> None:
    sink = told(block)
    assert not sink.errors, "\n\n".join(render(d, colour=False) for d in sink.errors)


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda b: f"line {b.line}")
def test_example_survives_formatting(block: Block) -> None:
    formatted = format_source(block.text)
    assert format_source(formatted) == formatted


def test_wrong_examples_are_shown() -> None:
    assert len(WRONG) >= 4


@pytest.mark.parametrize(("block", "shown"), WRONG, ids=lambda b: f"line {b.line}")
def test_wrong_example_is_answered_as_shown(block: Block, shown: Block) -> None:
    sink = told(block)
    assert [d.code for d in sink.errors] == [block.asked["fails"]]
    assert "output" in shown.asked
    assert render(sink.errors[0], colour=False, width=80) == shown.text.rstrip("\n")


def test_the_table_of_ops_is_current() -> None:
    assert written(TEXT) == TEXT, "run `python -m tests.docs.op_table`"


def test_every_op_and_statement_is_shown() -> None:
    for name, op in REGISTRY.items():
        assert op.internal or re.search(rf"\| `{name}\b", TEXT), name
        assert "samples" not in op.attributes(), name
    shown = "\n".join(b.text for b in EXAMPLES)
    heads = {"network", "block", "cell", "recipe", "data", "engine", "check", "import", "const"}
    words = {"input", "output", "state", "param", "noise", "return", "for", "if", "when", "over"}
    for word in heads | words | {"minimize", "with", "step", "scan", "generate", "vocabulary"}:
        assert re.search(rf"\b{word}\b", shown), word


def test_what_is_not_yet_is_not_shown_as_working() -> None:
    shown = "\n".join(b.text for b in EXAMPLES)
    assert not [n for n in LATER if re.search(rf"\b{n}\(", shown)]
