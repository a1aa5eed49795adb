"""What a person sees while training."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dlspec.diagnostics.train import Interrupted
from dlspec.train.events import EpochEnded, Event, Finished, Progressed, Saved, Started
from dlspec.train.log import epoch_line, length_text, log_line, rate_text, time_text
from dlspec.train.options import Row, TrainResult
from dlspec.train.progress import progress_for

ROW = {
    "epoch": 3.0,
    "step": 1500.0,
    "seconds": 4.0,
    "samples_per_s": 46_200.0,
    "train.loss": 0.0812,
    "validation.loss": 0.0711,
    "validation.accuracy": 0.98514,
}
RESULT = TrainResult(
    {}, {"test.accuracy": 0.9893}, "ab" * 32, 3, 1500, 3, 4.0, 46_200.0, Path("runs/digits")
)
EVENTS: list[Event] = [
    Started("digits", "cpu", 2, "medium", "float32", 61_706, 55_000, 20, 550, 0, True),
    Progressed(3, 275, 550, 1375, 0.0812, 46_200.0, 7.2),
    EpochEnded(ROW, True, 7.0),
    Finished(RESULT, "all epochs done"),
]


def shown(terminal: bool) -> str:
    text = io.StringIO()
    console = Console(
        file=text, width=80, force_terminal=terminal, color_system=None, highlight=False
    )
    with progress_for(False, console) as listen:
        for event in EVENTS:
            listen(event)
    return text.getvalue()


def test_plain_lines_without_a_terminal() -> None:
    assert shown(False).splitlines() == [
        "digits: 55,000 examples, 61,706 parameters; cpu, 2 threads, float32, products medium",
        "epoch 3/20  train.loss 0.0812  validation.loss 0.0711  validation.accuracy 98.51 %"
        "  46.2k samples/s  best  0:07 left",
        "all epochs done after 3 epochs  test.accuracy 98.93 %",
    ]


def test_a_bar_in_eighty_columns_on_a_terminal() -> None:
    text = shown(True)
    assert "epoch 3/20" in text and "loss 0.0812 · 46.2k/s · 0:07 left" in text
    assert "test.accuracy" in text and "98.93 %" in text and "abab" in text
    for line in text.replace("\r", "\n").splitlines():
        assert len(line.removeprefix("\x1b[?25l").removeprefix("\x1b[2K")) <= 86


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_for(True) as listen:
        for event in EVENTS:
            listen(event)
    given = capsys.readouterr()
    assert given.out == given.err == ""


def test_words() -> None:
    assert [rate_text(r) for r in (12.3, 4500, 2.5e6)] == ["12.3", "4.5k", "2.5M"]
    assert [time_text(s) for s in (0.2, 67, 3723)] == ["0:00", "1:07", "1:02:03"]


def test_large_numbers_are_grouped() -> None:
    row: Row = {**ROW, "epoch": 1200.0}
    assert epoch_line(EpochEnded(row, False, None), 20_000).startswith("epoch 1,200/20,000  ")
    assert log_line(Saved(Path("runs/digits"), 123_456, 0.5)) == "saved step 123,456 in 0.500 s"
    assert length_text(RESULT) == "3 epochs"
    assert length_text(replace(RESULT, epochs=1)) == "1 epoch"
    assert length_text(replace(RESULT, epochs=0)) == "1,500 steps"
    stopped = Interrupted(None, 123_456, 3, "runs/digits")
    assert stopped.message == "stopped at step 123,456 (epoch 3); saved in `runs/digits`"
