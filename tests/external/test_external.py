"""External truth: what the `onnx` package expects of each operator, our reference, PyTorch and ONNX
Runtime compute."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.external.cases import Case, names_of, node_case, stored, stored_case
from tests.external.importer import MAPPED, Importer, Refused
from tests.external.mappings import MAPPINGS
from tests.external.running import reproduces

assert MAPPINGS, "mappings fill MAPPED"

NODE_CASES = [(operator, name) for operator in sorted(MAPPED) for name in names_of(operator)]
STORED_CASES = [n for n, (_, kinds) in stored().items() if set(kinds) <= set(MAPPED)]

ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 4e-4}
"""Cases whose expected numbers are written with few digits, and the precision that those have."""


def compare(case: Case, folder: Path) -> None:
    """Reproduce a case, unless the language cannot express it."""
    imported = Importer(case).run()
    if isinstance(imported, Refused):
        pytest.skip(imported.reason)
    reproduces(imported, case.outputs, folder, ROUNDED.get(case.name, 1e-5))


@pytest.mark.parametrize(("operator", "name"), NODE_CASES, ids=[n for _, n in NODE_CASES])
def test_node_case(operator: str, name: str, tmp_path: Path) -> None:
    compare(node_case(operator, name), tmp_path)


@pytest.mark.parametrize("name", STORED_CASES)
def test_stored_case(name: str, tmp_path: Path) -> None:
    compare(stored_case(name), tmp_path)
