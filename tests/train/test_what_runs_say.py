"""What a training says of how it was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlspec.diagnostics import DlspecError
from dlspec.train import TrainOptions, train
from dlspec.train.events import Event, Noted
from dlspec.train.machine import device_of
from tests.train.recipes import classifier, splits


def codes(folder: Path, **more: object) -> list[str]:
    """What is noted while a small recipe is carried out."""
    heard: list[Event] = []
    chosen = {"run_dir": folder, "quiet": True, "threads": 1, "matmul": "highest"} | more
    train(classifier(), splits(), TrainOptions(**chosen), on_event=heard.append)  # type: ignore[arg-type]
    return [e.diagnostic.code for e in heard if isinstance(e, Noted)]


def test_a_finished_run_and_one_set_aside_are_told(tmp_path: Path) -> None:
    assert codes(tmp_path) == []
    assert codes(tmp_path, resume=True) == ["DL688"]
    assert codes(tmp_path) == ["DL686"]


def test_going_on_and_beginning_with_weights_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(DlspecError) as error:
        codes(tmp_path, resume=True, init_from=tmp_path / "build")
    assert error.value.diagnostics[0].code == "DL687"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nonsense", "gpu", "cuda:x", "meta", "CPU"])
def test_a_device_that_there_is_not_gets_the_names_of_those_that_there_are(name: str) -> None:
    with pytest.raises(DlspecError) as error:
        device_of(name)
    (told,) = error.value.diagnostics
    assert told.code == "DL408"
    assert "`cuda:0`" in told.message
    assert "privateuseone" not in told.message
