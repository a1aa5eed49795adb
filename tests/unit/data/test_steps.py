"""Examples of different lengths out of archives and tables: what is there is taken, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlspec.data import open_data
from dlspec.data.dataset import Array, Dataset
from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.data import FieldType, FieldValue, StepsDiffer, StepsUntold
from dlspec.ir.data_plan import DataPlan, FieldPlan, SourceCall, SplitPlan

ROOM = 6


def opened(folder: Path, file: str, *fields: FieldPlan) -> Dataset:
    """The training examples, all in their order."""
    source = SourceCall(file.rpartition(".")[2], {"file": file})
    plan = DataPlan("own", source, fields, split=SplitPlan("random", shares=(0.8, 0.2)))
    return open_data(plan, folder=folder).train


def refused(folder: Path, file: str, *fields: FieldPlan) -> Diagnostic:
    with pytest.raises(DlspecError) as caught:
        opened(folder, file, *fields)
    (found,) = caught.value.diagnostics
    return found


def saved(folder: Path, **arrays: Any) -> None:
    np.savez(folder / "own.npz", **arrays)


def wave(dtype: str = "float32", shape: tuple[int, ...] = (), **more: Any) -> FieldPlan:
    return FieldPlan("x", "x", dtype, (None, *shape), steps="T", **more)


def padded(rng: np.random.Generator, lengths: Array, *shape: int) -> Array:
    """Numbers, and what nobody may look at behind them."""
    found = rng.normal(size=(len(lengths), ROOM, *shape)).astype(np.float32)
    found[np.arange(ROOM) >= lengths[:, None]] = np.nan
    return found


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, ROOM), min_size=5, max_size=12), st.sampled_from([(), (3,)]))
def test_a_padded_array_is_what_its_lengths_tell(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], shape: tuple[int, ...]
) -> None:
    folder, told = tmp_path_factory.mktemp("own"), np.array(lengths)
    x = padded(np.random.default_rng(0), told, *shape)
    number = np.arange(len(lengths))
    saved(folder, x=x, T_lengths=told.astype(np.float64), number=number)
    data = opened(folder, "own.npz", wave(shape=shape), FieldPlan("number", "number", "int64"))
    taken = data.take(np.arange(len(data)))
    np.testing.assert_array_equal(taken["T_lengths"], told[taken["number"]])
    assert np.isfinite(taken["x"]).all()
    for row, at in enumerate(taken["number"]):
        length = lengths[at]
        np.testing.assert_array_equal(taken["x"][row, :length], x[at, :length])
        assert not taken["x"][row, length:].any()


def test_lengths_within_lengths(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    steps = rng.integers(0, 4, 10)
    within = rng.integers(0, 6, (10, 4))
    x = rng.integers(1, 9, (10, 4, 5))
    x[np.arange(5) >= within[..., None]] = -7  # no number of a class
    within[np.arange(4) >= steps[:, None]] = 99  # nor a length
    saved(tmp_path, x=x, T_lengths=steps, W_lengths=within, number=np.arange(10))
    field = FieldPlan("x", "x", "int64", (None, None), tuple("0123456789"), None, "T", within="W")
    data = opened(tmp_path, "own.npz", field, FieldPlan("number", "number", "int64"))
    taken = data.take(np.arange(len(data)))
    for row, at in enumerate(taken["number"]):
        assert taken["T_lengths"][row] == steps[at]
        for step in range(steps[at]):
            length = within[at, step]
            assert taken["W_lengths"][row, step] == length
            assert taken["x"][row, step, :length].tolist() == x[at, step, :length].tolist()
            assert not taken["x"][row, step, length:].any()


def test_a_table_holds_numbers_and_names_of_classes(tmp_path: Path) -> None:
    lines = ["1 -2.5e1 3,up down up", "0.5,up", ",", "7  8\t9 10,down up up up", " 4 5 ,down down"]
    (tmp_path / "own.csv").write_text("x,way\n" + "\n".join(lines * 4) + "\n")
    way = FieldPlan("way", "way", "int64", (None,), ("down", "up"), None, "T")
    data = opened(tmp_path, "own.csv", wave(), way)
    taken = data.take(np.arange(len(data)))
    numbers = {3: [1, -25, 3], 1: [0.5], 0: [], 4: [7, 8, 9, 10], 2: [4, 5]}
    ways = {3: [1, 0, 1], 1: [1], 0: [], 4: [0, 1, 1, 1], 2: [0, 0]}
    assert set(taken["T_lengths"]) == set(numbers)
    for row, length in enumerate(taken["T_lengths"].tolist()):
        assert taken["x"][row, :length].tolist() == numbers[length]
        assert taken["way"][row, :length].tolist() == ways[length]


def test_lengths_that_nothing_tells(tmp_path: Path) -> None:
    saved(tmp_path, x=np.zeros((5, ROOM)), x_lengths=np.ones(5, int))
    found = refused(tmp_path, "own.npz", wave())
    assert isinstance(found, StepsUntold) and found.code == "DL628"
    assert "put `T_lengths`, int[N], into the same file" in found.helps[0]
    saved(tmp_path, x=np.zeros((5, 4, ROOM)), T_lengths=np.ones(5, int))
    nested = FieldPlan("x", "x", "float32", (None, None), steps="T", within="W")
    found = refused(tmp_path, "own.npz", nested)
    assert "put `W_lengths`, int[N, 4], into the same file" in found.helps[0]


@pytest.mark.parametrize(
    ("lengths", "row", "value"),
    [
        ([1, 2, 7, 0, 1], 2, "7"),
        ([1, 2, 3, -1, 1], 3, "-1"),
        ([1, 2.5, 3, 1, 1], 1, "2.5"),
        ([1, np.nan, 3, 1, 1], 1, "nan"),
        ([[1], [1], [1], [1], [1]], 0, "int64[5, 1]"),
        (["1", "2", "3", "1", "1"], 0, "str[5]"),
    ],
)
def test_lengths_that_are_none(tmp_path: Path, lengths: list[Any], row: int, value: str) -> None:
    saved(tmp_path, x=np.zeros((5, ROOM)), T_lengths=np.array(lengths))
    found = refused(tmp_path, "own.npz", wave())
    assert isinstance(found, FieldValue)
    assert (found.field, found.row, found.value) == ("T_lengths", row, value)


def test_what_is_wrong_in_a_step_names_its_example(tmp_path: Path) -> None:
    lengths = np.array([2, 0, 3, 1, 5])
    x = np.ones((5, ROOM), int)
    x[2, 2] = 4
    x[1, 0] = x[3, 1] = 9  # behind the lengths
    saved(tmp_path, x=x, T_lengths=lengths)
    found = refused(tmp_path, "own.npz", wave("int64", classes=("a", "b", "c")))
    assert isinstance(found, FieldValue) and (found.row, found.value) == (2, "4")
    rows = ["1 2", "", "3 x 4", "1", "2 2"]
    (tmp_path / "own.csv").write_text("x,n\n" + "".join(f"{r},0\n" for r in rows))
    found = refused(tmp_path, "own.csv", wave())
    assert isinstance(found, FieldValue) and (found.row, found.value) == (2, "`x`")
    found = refused(tmp_path, "own.csv", wave("int64", classes=("1", "2", "3", "4")))
    assert isinstance(found, FieldValue) and (found.row, found.value) == (2, "'x'")


def test_fields_of_one_symbol_have_one_length(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("x,y\n" + "1 2,3 4\n" * 4 + "1 2,3\n")
    y = FieldPlan("y", "y", "float32", (None,), steps="T")
    found = refused(tmp_path, "own.csv", wave(), y)
    assert isinstance(found, StepsDiffer) and found.row == 4


def test_one_number_is_no_example_of_steps(tmp_path: Path) -> None:
    saved(tmp_path, x=np.zeros(5), T_lengths=np.ones(5, int))
    assert isinstance(refused(tmp_path, "own.npz", wave()), FieldType)
    saved(tmp_path, x=np.zeros((5, ROOM, 2)), T_lengths=np.ones(5, int))
    assert isinstance(refused(tmp_path, "own.npz", wave(shape=(3,))), FieldType)


def test_a_test_set_of_its_own_has_its_own_lengths(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("x\n" + "1 2 3\n" * 8)
    (tmp_path / "test.csv").write_text('x\n4\n5 6\n"7 8 9 10"\n')
    source = SourceCall("csv", {"file": "own.csv", "test": "test.csv"})
    split = SplitPlan("given", validation=2)
    test = open_data(DataPlan("own", source, (wave(),), split=split), folder=tmp_path).test
    assert test is not None
    taken = test.take(np.arange(len(test)))
    assert taken["T_lengths"].tolist() == [1, 2, 4]
    assert taken["x"].tolist() == [[4, 0, 0, 0], [5, 6, 0, 0], [7, 8, 9, 10]]
