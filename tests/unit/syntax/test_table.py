"""The parse table is made from the grammar, and says the same as Lark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlspec.diagnostics import Sink
from dlspec.source import SourceFile
from dlspec.syntax import parse
from dlspec.syntax.build_table import build_table, load_grammar
from dlspec.syntax.table import TABLE_PATH, grammar_path


def test_table_is_fresh() -> None:
    assert TABLE_PATH.read_text(encoding="utf-8") == build_table(), (
        "run python -m dlspec.syntax.build_table"
    )


def test_grammar_has_no_conflicts() -> None:
    pytest.importorskip("interegular")
    load_grammar(strict=True)


def test_grammar_is_found() -> None:
    assert grammar_path().read_text(encoding="utf-8").startswith("// The grammar of dlspec")


def test_parsing_imports_neither_lark_nor_pickle_tables() -> None:
    program = (
        "import sys; from dlspec.syntax import parse; from dlspec.source import SourceFile\n"
        "from dlspec.diagnostics import Sink; parse(SourceFile('a', 'const a = 1'), Sink())\n"
        "assert not {'lark', 'torch', 'numpy', 'dlspec.diagnostics.syntax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


SMALL = """const a = 3
network n(b = 2) {
    input x: float[N, <=T]
    y, z = x -> f(b, k = 5) as g when training
    output y
}
"""


def test_lark_accepts_what_we_accept() -> None:
    tree = load_grammar().parse(SMALL)
    file = parse(SourceFile("a", SMALL), Sink())
    assert [c.data for c in tree.children] == ["const", "definition"]
    assert len(file.items) == 2


def test_no_pickle_in_the_package() -> None:
    for path in Path(TABLE_PATH).parent.glob("*.py"):
        assert "import pickle" not in path.read_text(encoding="utf-8")
