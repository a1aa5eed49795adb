"""Runs that were stopped, killed, extended or edited, and go on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlspec.diagnostics import DlspecError
from dlspec.ir.plan import EarlyStop, OptimizerPlan, Quantity, RecipePlan, Schedule
from dlspec.train import TrainOptions, TrainResult, train
from dlspec.train.checkpoint import load
from dlspec.train.events import Event, Noted
from tests.patience import PATIENCE
from tests.train.recipes import SGD, classifier, splits, two_players

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("worker.py")


def start(folder: Path, epochs: int, *flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(folder), str(epochs), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def hash_of(folder: Path, epochs: int, *flags: str) -> str:
    out, err = start(folder, epochs, *flags).communicate(timeout=PATIENCE)
    assert "hash" in out, err
    return out.split()[-1]


def run(
    plan: RecipePlan, folder: Path, heard: list[Event] | None = None, **more: object
) -> TrainResult:
    chosen = {"run_dir": folder, "quiet": True, "threads": 1, "matmul": "highest"} | more
    return train(
        plan, splits(), TrainOptions(**chosen), on_event=heard.append if heard is not None else None
    )  # type: ignore[arg-type]


def code_of(error: pytest.ExceptionInfo[DlspecError]) -> str:
    return error.value.diagnostics[0].code


@pytest.mark.parametrize("times", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_ends_with_the_same_weights(tmp_path: Path, times: int) -> None:
    whole = hash_of(tmp_path / "whole", 3)
    moments = random.Random(time.time_ns())
    kills = 0
    for attempt in range(20):
        flags = ["resume"] if attempt else []
        process = start(tmp_path / "killed", 3, *flags)
        assert process.stdout is not None
        while line := process.stdout.readline():  # imports are over when learning starts
            if line.startswith("Started"):
                break
        for _ in range(moments.randrange(5)):  # of some twenty: it never ends before it is killed
            process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=PATIENCE)
        if "hash" in out:
            break
        assert process.returncode == -signal.SIGKILL, err
        kills += 1
        if kills == times:
            break
    assert kills >= 2, "it was never killed while it learnt"
    assert hash_of(tmp_path / "killed", 3, "resume") == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path / "run", 50, "slow")
    assert process.stdout is not None
    seen = 0
    while seen < 4 and (line := process.stdout.readline()):
        seen += line.startswith("Progressed")
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert "DL694" in err and "--resume" in err
    state, _ = load(tmp_path / "run" / "checkpoint.safetensors")
    assert state.position > 0 or state.epoch > 0


@pytest.mark.parametrize("plan", [classifier(dropout=0.2, norm=True), classifier(optimizer=SGD)])
def test_more_epochs_extend_a_finished_run(tmp_path: Path, plan: RecipePlan) -> None:
    whole = run(plan, tmp_path / "whole", epochs=6)
    run(plan, tmp_path / "parts", epochs=2)
    parts = run(plan, tmp_path / "parts", epochs=6, resume=True)
    assert parts.weight_hash == whole.weight_hash
    assert [r["train.loss"] for r in parts.history] == [r["train.loss"] for r in whole.history]


def test_a_step_limit_within_an_epoch_resumes_exactly(tmp_path: Path) -> None:
    plan = classifier(dropout=0.2, epochs=None)
    whole = run(replace(plan, max_steps=50), tmp_path / "whole")
    for steps in (7, 16, 23, 50):
        parts = run(replace(plan, max_steps=steps), tmp_path / "parts", resume=steps > 7)
    assert parts.weight_hash == whole.weight_hash
    assert [r["train.loss"] for r in parts.history] == [r["train.loss"] for r in whole.history]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_resumes_exactly(tmp_path: Path, precision: str) -> None:
    plan = classifier(precision=precision)
    whole = run(plan, tmp_path / "whole", epochs=4)
    run(plan, tmp_path / "parts", epochs=1)
    assert run(plan, tmp_path / "parts", epochs=4, resume=True).weight_hash == whole.weight_hash


def test_players_resume_exactly(tmp_path: Path) -> None:
    plan = two_players(times=2)
    whole = run(plan, tmp_path / "whole", epochs=4)
    run(plan, tmp_path / "parts", epochs=1)
    assert run(plan, tmp_path / "parts", epochs=4, resume=True).weight_hash == whole.weight_hash


def test_early_stop_remembers_its_best_over_a_resume(tmp_path: Path) -> None:
    rate = OptimizerPlan("adam", {"lr": 0.05})
    plan = classifier(optimizer=rate, epochs=60, stop=EarlyStop(4, "validation.loss", "min"))
    whole = run(plan, tmp_path / "whole")
    assert whole.best_epoch is not None and whole.epochs < 60
    run(plan, tmp_path / "parts", epochs=whole.best_epoch + 1)
    parts = run(plan, tmp_path / "parts", resume=True)
    assert (parts.weight_hash, parts.best_epoch, parts.epochs) == (
        whole.weight_hash,
        whole.best_epoch,
        whole.epochs,
    )
    again = run(plan, tmp_path / "parts", resume=True)  # a finished run has nothing left to do
    assert again.weight_hash == whole.weight_hash and again.steps == whole.steps


def test_what_may_not_change_is_named(tmp_path: Path) -> None:
    run(classifier(), tmp_path)
    cases = {
        "batch (25 before, 50 now)": classifier(batch=50),
        "network or loss": classifier(units=33),
        "optimizers": classifier(optimizer=SGD),
        "precision (float32 before, bfloat16 now)": classifier(precision="bfloat16"),
    }
    source = (tmp_path / "recipe.py").read_text()
    for named, plan in cases.items():
        with pytest.raises(DlspecError) as error:
            run(plan, tmp_path, resume=True, epochs=9)
        assert code_of(error) == "DL691"
        assert named in error.value.diagnostics[0].notes[0]
    with pytest.raises(DlspecError) as error:
        run(classifier(), tmp_path, resume=True, seed=5)
    assert "seed (0 before, 5 now)" in str(error.value)
    assert (tmp_path / "recipe.py").read_text() == source


def test_what_may_change_does(tmp_path: Path) -> None:
    run(classifier(), tmp_path)
    softer = OptimizerPlan("adam", {"lr": 0.001})
    plan = classifier(optimizer=softer, stop=EarlyStop(9, "validation.loss", "min"), epochs=5)
    assert run(plan, tmp_path, resume=True).epochs == 5


def test_another_number_of_threads_is_a_warning(tmp_path: Path) -> None:
    run(classifier(), tmp_path)
    heard: list[Event] = []
    run(classifier(), tmp_path, heard, resume=True, threads=2, epochs=4)
    (note,) = [e.diagnostic for e in heard if isinstance(e, Noted)]
    assert note.code == "DL695" and "threads (1 before, 2 now)" in note.notes[0]


def test_nothing_to_resume_starts_from_the_beginning(tmp_path: Path) -> None:
    heard: list[Event] = []
    resumed = run(classifier(), tmp_path / "a", heard, resume=True)
    assert [e.diagnostic.code for e in heard if isinstance(e, Noted)] == ["DL698"]
    assert resumed.weight_hash == run(classifier(), tmp_path / "b").weight_hash


def test_a_new_run_sets_the_old_one_aside(tmp_path: Path) -> None:
    run(classifier(), tmp_path)
    old = (tmp_path / "checkpoint.safetensors").read_bytes()
    run(classifier(seed=3), tmp_path)
    assert (tmp_path / "previous" / "checkpoint.safetensors").read_bytes() == old


def test_a_damaged_checkpoint_is_said(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    run(classifier(), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DlspecError) as error:
        run(classifier(), tmp_path, resume=True)
    assert code_of(error) == "DL692"
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(DlspecError) as error:
        run(classifier(), tmp_path, resume=True)
    assert code_of(error) == "DL692"


def test_two_trainings_cannot_share_a_directory(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(folder, 500, "slow")
    try:
        assert process.stdout is not None
        while line := process.stdout.readline():
            if line.startswith("Started"):
                break
        with pytest.raises(DlspecError) as error:
            run(classifier(), folder)
        assert code_of(error) == "DL690" and f"process {process.pid}" in str(error.value)
    finally:
        process.kill()
        process.communicate()
    run(classifier(epochs=1), folder)  # the killed process holds nothing


def test_schedules_go_on_over_a_resume(tmp_path: Path) -> None:
    rate = Schedule("linear", (0.2, 0.0, Quantity(64, "steps")))
    plan = classifier(optimizer=OptimizerPlan("sgd", {"lr": rate, "momentum": 0.9}))
    whole = run(plan, tmp_path / "whole", epochs=4)
    run(plan, tmp_path / "parts", epochs=2)
    assert run(plan, tmp_path / "parts", epochs=4, resume=True).weight_hash == whole.weight_hash
