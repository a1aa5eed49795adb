"""External truth: what the `onnx` package expects of each operator, our reference, PyTorch and ONNX
Runtime compute.

A case is imported as a graph of dlspec, and this graph runs on all three routes. What the language
cannot express is skipped, with the reason that the mapping gives.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.external.cases import names_of, node_case, stored, stored_case, unnamed_of
from tests.external.drawn import DRAWN, drawn_case
from tests.external.emitted import emitted, operators_of, ops_without_a_graph
from tests.external.importer import Imported, Importer, Refused
from tests.external.mapping_layers import LAYERS, layer
from tests.external.mappings import LIMITS, MAPPED
from tests.external.running import reproduces

NODE_CASES = [(operator, name) for operator in sorted(MAPPED) for name in names_of(operator)]
STORED_CASES = [n for n, (_, kinds) in stored().items() if n in LAYERS or {*kinds} <= {*MAPPED}]

ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 4e-4}
"""Cases whose expected numbers are written with few digits, and the precision that those have."""

LOWERED = {"Cast": ("Pow", "test_pow_types_float32_int64")}
"""Emitted operators of whose own cases the language can express none, and a case (its operator, its
name) that is reproduced through them. The package casts between floats of different widths only."""

ENGINE_ALONE = ("Loop", "Range", "ScatterElements", "Shape", "Size")
"""Emitted operators that make sizes and loops inside of lowerings. No op of the language is one of
them, so that what ONNX expects is shown of the engine alone."""
EMITTED_OPSET = 21
EMITTED_TYPES = ("float32", "int64", "int32", "uint8", "bool")
ENGINE_CASES = [(operator, name) for operator in ENGINE_ALONE for name in names_of(operator)]

SHARING = [
    ("Conv", "test_basic_conv_with_padding"),
    ("GRU", "test_gru_defaults"),
    ("Gemm", "test_gemm_default_vector_bias"),
    ("LSTM", "test_lstm_reverse"),
    ("LSTM", "test_lstm_with_peepholes"),
    ("LayerNormalization", "test_layer_normalization_2d_axis1"),
    ("RNN", "test_simple_rnn_with_initial_bias"),
    ("RNN", "test_simple_rnn_bidirectional"),
]
"""Cases with parameters that are made once more, outside of the layers."""


@functools.cache
def imported(operator: str, name: str) -> Imported | Refused:
    """A case as a graph; a stored one has no operator."""
    if name in LAYERS:
        return layer(stored_case(name))
    return Importer(node_case(operator, name) if operator else stored_case(name)).run()


def compare(operator: str, name: str, folder: Path) -> None:
    """Reproduce a case, unless the language cannot express it."""
    case = imported(operator, name)
    if isinstance(case, Refused):
        pytest.skip(case.reason)
    expected = (node_case(operator, name) if operator else stored_case(name)).outputs
    reproduces(case, expected, folder, ROUNDED.get(name, 1e-5))


@pytest.mark.parametrize(("operator", "name"), NODE_CASES, ids=[n for _, n in NODE_CASES])
def test_node_case(operator: str, name: str, tmp_path: Path) -> None:
    compare(operator, name, tmp_path)


def test_cases_that_are_not_listed_cannot_be_expressed() -> None:
    """Those of a slow module whose names its text does not tell, so that none has a test above."""
    lost = [
        n for n in unnamed_of("AveragePool") if isinstance(imported("AveragePool", n), Imported)
    ]
    assert lost == [], "take averagepool out of SLOW in tests/external/cases.py"


@pytest.mark.parametrize("name", STORED_CASES)
def test_stored_case(name: str, tmp_path: Path) -> None:
    compare("", name, tmp_path)


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_case(name: str, tmp_path: Path) -> None:
    case = drawn_case(name)
    found = Importer(case).run()
    assert isinstance(found, Imported)
    reproduces(found, case.outputs, tmp_path)


@pytest.mark.parametrize(("operator", "name"), SHARING, ids=[n for _, n in SHARING])
def test_shared_parameters(operator: str, name: str, tmp_path: Path) -> None:
    """The same results where a parameter is no layer's own."""
    case = node_case(operator, name)
    found = Importer(case, shared=True).run()
    assert isinstance(found, Imported)
    reproduces(found, case.outputs, tmp_path)


@pytest.mark.parametrize(("operator", "name"), ENGINE_CASES, ids=[n for _, n in ENGINE_CASES])
def test_engine_alone(operator: str, name: str) -> None:
    case = node_case(operator, name)
    arrays = (*case.inputs, *case.outputs)
    if not all(isinstance(a, np.ndarray) and a.dtype.name in EMITTED_TYPES for a in arrays):
        pytest.skip("tensors of such a type are not emitted")
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    model.opset_import[0].version = min(case.opset, EMITTED_OPSET)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {i.name: a for i, a in zip(session.get_inputs(), case.inputs, strict=True)}
    results: list[Any] = list(session.run(None, feeds))
    for made, wanted in zip(results, case.outputs, strict=True):
        assert made.dtype == wanted.dtype
        np.testing.assert_allclose(made, wanted, rtol=1e-6)


# --- completeness ---------------------------------------------------------------------------------


def lowered(operator: str, name: str) -> set[str]:
    """The operators that a reproduced case is lowered to."""
    case = imported(operator, name)
    return operators_of(case.graph) if isinstance(case, Imported) else set()


def cases_of(operator: str) -> Iterator[tuple[str, str]]:
    """All cases that use a mapped operator."""
    if operator in MAPPED:
        yield from ((operator, name) for name in names_of(operator))
    yield from (("", n) for n in STORED_CASES if operator in stored()[n][1])


def shown(operator: str) -> bool:
    """Whether one of the operator's cases is reproduced through it."""
    return any(operator in lowered(*case) for case in cases_of(operator))


def test_every_emitted_operator_is_shown() -> None:
    missing = [
        f"{operator} (of {', '.join(sorted(ops))}): {len(names_of(operator))} cases in onnx"
        for operator, ops in sorted(emitted().items())
        if operator not in ENGINE_ALONE
        and not (operator in LOWERED and operator in lowered(*LOWERED[operator]))
        and not shown(operator)
    ]
    assert not missing, (
        "no case of the onnx package is reproduced through these operators, which are emitted:\n  "
        + "\n  ".join(missing)
        + "\nsay in tests/external/mapping_<family>.py what each means (`maps`); one that "
        "no case can express goes into LOWERED, one that no op of the language is into ENGINE_ALONE"
    )


def test_all_ops_are_looked_at() -> None:
    """What an op emits is seen in its samples, or in a loop of the catalogue."""
    assert ops_without_a_graph() == set()


def test_tables_hold_nothing_that_is_not_needed() -> None:
    """What is said to have no case of its own has none, and is emitted."""
    known = emitted()
    assert {*LOWERED, *ENGINE_ALONE} - set(known) == set()
    assert [o for o in LOWERED if shown(o)] == []
    assert [o for o in ENGINE_ALONE if o in MAPPED] == []


def test_every_limit_applies_to_a_case() -> None:
    """A limit that no case meets would hide one that comes later."""
    met = {
        id(case.limit)
        for operator, name in [*NODE_CASES, *(("", n) for n in STORED_CASES)]
        if isinstance(case := imported(operator, name), Refused)
    }
    stale = [f"{' '.join(r.operators)}: {r.reason}" for r in LIMITS if id(r) not in met]
    assert not stale, "no case meets these limits:\n  " + "\n  ".join(stale)
