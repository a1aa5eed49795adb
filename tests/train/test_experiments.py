"""An experiment runs each combination with each seed, once; goes on where it was stopped; and says
what came of it in a table, a CSV file and a picture."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlspec.cli.experiment import outcome
from dlspec.cli.main import main
from dlspec.diagnostics import DlspecError
from dlspec.driver import Compilation, open_spec
from dlspec.driver.experiment import Trial, folder_names, prepared
from dlspec.driver.experiment_results import Figure, as_good, best, table
from dlspec.source import SourceFile
from tests.patience import PATIENCE

SPEC = """
network net(units = 3, act = relu) {
    input x: float[N, 4]
    output y = x -> dense(units) -> act -> dense(2)
}
data points {
    file = npz("points.npz")
    output x: float[N, 4] = file.x
    output label: int[N] = file.label
    split = random(60%, 20%, 20%)
}
recipe learn(rate = 0.01) for net on points {
    minimize cross_entropy(y, label)
    optimizer = adam(rate); batch = 32; epochs = 2
    metrics = accuracy(y, label)
}
experiment sizes runs learn {
    units = 2, 8
    act = relu, tanh
    report = test.accuracy, test.loss
}
experiment pairs runs learn(0.05) {
    units, rate = (2, 0.1), (4, 0.01)
    repeat = 2 seeds
    report = test.accuracy
}
experiment rates runs learn { optimizer = sgd(0.1), sgd(1e20) }
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the spec and its data, which is the current one."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 4)).astype(np.float32)
    np.savez(tmp_path / "points.npz", x=x, label=(x[:, 0] * x[:, 1] > 0).astype(np.int64))
    (tmp_path / "points.dl").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Tell = Callable[[], tuple[str, str]]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    def both() -> tuple[str, str]:
        captured = capsys.readouterr()
        return captured.out, captured.err

    return both


def ask(*more: str) -> int:
    return main(["experiment", "points.dl", *more, "--threads", "1"])


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_grid(place: Path, tell: Tell) -> None:
    assert ask("sizes", "--quiet") == 0
    out, _ = tell()
    folder = place / "runs" / "sizes"
    rows = lines_of(folder / "results.csv")
    assert [(r["units"], r["act"]) for r in rows] == [
        (u, a) for u in ("2", "8") for a in ("relu", "tanh")
    ]
    assert {(r["status"], r["seed"], r["epochs"]) for r in rows} == {("ok", "0", "2")}
    assert [r["parameters"] for r in rows] == ["16"] * 2 + ["58"] * 2
    kept = (folder / "results.txt").read_text()
    assert kept.split("\n\n", 1)[1].strip() in out
    assert all(len(line) <= 80 for line in kept.splitlines())
    assert (folder / "results.png").read_bytes()[:4] == b"\x89PNG"
    # the same command has nothing left to do, and says the same
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("result.json")}
    assert len(before) == 4
    assert ask("sizes", "--quiet") == 0
    assert tell()[0] == out
    assert before == {p: p.stat().st_mtime_ns for p in folder.rglob("result.json")}


def test_settings_that_go_together_settings_of_all_and_seeds(place: Path, tell: Tell) -> None:
    plan = open_spec("points.dl").experiment("pairs")
    assert [dict(c.settings) for c in plan.combinations()] == [
        {"rate": "0.1", "net.units": "2"},
        {"rate": "0.01", "net.units": "4"},
    ]
    assert ask("pairs", "--quiet") == 0
    out, _ = tell()
    rows = lines_of(place / "runs" / "pairs" / "results.csv")
    given = [("2", "0.1", "0"), ("2", "0.1", "1"), ("4", "0.01", "0"), ("4", "0.01", "1")]
    assert [(r["units"], r["rate"], r["seed"]) for r in rows] == given
    two = [float(r["test.accuracy"]) for r in rows[:2]]
    mean, spread = np.mean(two), np.std(two, ddof=1)
    line = next(text for text in out.splitlines() if text.startswith("2      0.1"))
    assert f"{100 * mean:.2f} ± {100 * spread:.2f} %" in line
    # a run is what `dlspec train` makes of the settings
    more = ["--set", "net.units=4", "--set", "rate=0.01", "--seed", "1", "--threads", "1"]
    assert main(["train", "points.dl", *more, "--quiet", "--fast"]) == 0
    shown = tell()[0].split()
    assert float(shown[shown.index("test.loss") + 1]) == pytest.approx(
        float(rows[3]["test.loss"]), abs=5e-5
    )


def test_what_diverges_is_a_row(place: Path, tell: Tell) -> None:
    assert ask("rates", "--quiet") == 0
    out, _ = tell()
    assert "diverged" in next(line for line in out.splitlines() if "1e20" in line)
    rows = lines_of(place / "runs" / "rates" / "results.csv")
    assert [r["status"] for r in rows] == ["ok", "diverged"]
    assert rows[1]["test.loss"] == ""


def test_results_of_another_text_are_not_mixed_in(place: Path, tell: Tell) -> None:
    assert ask("pairs", "--quiet") == 0
    text = (place / "points.dl").read_text()
    (place / "points.dl").write_text("# moved down\n\n" + text)
    assert ask("pairs", "--quiet") == 0, "what only moves is the same text"
    (place / "points.dl").write_text(text.replace("epochs = 2", "epochs = 3"))
    assert ask("pairs", "--quiet") == 1
    err = tell()[1]
    assert "DL487" in err and "of another text" in err and "--fresh" in err
    assert "`epochs` (2 before, 3 now)" in err
    assert ask("pairs", "--quiet", "--fresh") == 0
    assert lines_of(place / "runs" / "pairs" / "results.csv")[0]["epochs"] == "3"
    assert ask("pairs", "--quiet", "--set", "batch=7") == 1
    err = tell()[1]
    assert "made without `--set batch=7`" in err and "--runs FOLDER" in err
    assert ask("pairs", "--quiet", "--set", "batch=7", "--runs", "others") == 0
    assert ask("pairs", "--quiet", "--runs", "others") == 1
    assert "made with `--set batch=7`" in tell()[1]


def test_all_combinations_are_compiled_before_the_first_runs(place: Path, tell: Tell) -> None:
    text = (place / "points.dl").read_text().replace("units = 2, 8", "units = 2, 0")
    (place / "points.dl").write_text(text)
    for command in (["check", "points.dl"], ["experiment", "points.dl", "sizes"]):
        assert main(command) == 1
        err = tell()[1]
        assert "DL485" in err and "units = 0, act = relu" in err and "`units`" in err
    assert not (place / "runs").exists()


def test_which_experiment(place: Path, tell: Tell) -> None:
    assert ask() == 1
    err = tell()[1]
    for name in ("sizes", "pairs", "rates"):
        assert f"`dlspec experiment points.dl {name}`\n" in err
    assert ask("size") == 1
    assert "did you mean `sizes`?" in tell()[1]


def stopped_in_the_second(place: Path) -> str:
    """Begin `pairs`, with 60 epochs each, and stop it in its second run; what it said."""
    text = (place / "points.dl").read_text().replace("epochs = 2", "epochs = 60")
    (place / "points.dl").write_text(text)
    command = [sys.executable, "-m", "dlspec", "experiment", "points.dl", "pairs", "--threads", "1"]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True) as running:
        second = place / "runs" / "pairs" / "4-0.01" / "0" / "history.csv"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not second.exists():
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130, err
    return err


def test_it_goes_on_where_it_was_stopped(place: Path, tell: Tell) -> None:
    err = stopped_in_the_second(place)
    assert "DL486" in err and "the same command goes on" in err
    done = {p: p.stat().st_mtime_ns for p in place.rglob("result.json")}
    assert 1 <= len(done) < 4
    assert ask("pairs", "--quiet") == 0
    tell()
    assert all(p.stat().st_mtime_ns == at for p, at in done.items())
    stopped = lines_of(place / "runs" / "pairs" / "results.csv")
    assert ask("pairs", "--quiet", "--runs", "whole") == 0
    whole = lines_of(place / "whole" / "pairs" / "results.csv")
    for a, b in zip(stopped, whole, strict=True):
        assert a | {"seconds": ""} == b | {"seconds": ""}


def test_what_was_begun_with_another_text_does_not_go_on(place: Path, tell: Tell) -> None:
    stopped_in_the_second(place)
    begun = place / "runs" / "pairs" / "4-0.01" / "0"
    assert (begun / "checkpoint.safetensors").is_file() and not (begun / "result.json").exists()
    for done in place.rglob("result.json"):
        done.unlink()  # only what was begun is left to tell
    text = (place / "points.dl").read_text()
    (place / "points.dl").write_text(text.replace("adam(rate)", "adam(rate, 0.8)"))
    assert ask("pairs", "--quiet") == 1
    err = tell()[1]
    assert "DL487" in err and "of another text" in err and "4-0.01" in err
    assert "`beta1` (0.9 before, 0.8 now)" in err


def test_stopped_before_the_first_batch(
    place: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dlspec.driver.training.prove_steps", stopped)
    assert ask("pairs", "--quiet") == 130
    assert "the same command goes on" in tell()[1]


def test_a_broken_result_is_done_again(place: Path) -> None:
    assert ask("pairs", "--quiet") == 0
    kept = place / "runs" / "pairs" / "2-0.1" / "0" / "result.json"
    expected = json.loads(kept.read_text())["trial"]
    kept.write_text('{"trial": {"seed"')
    assert ask("pairs", "--quiet") == 0
    again = json.loads(kept.read_text())["trial"]
    assert again | {"seconds": 0} == expected | {"seconds": 0}


def test_folders_have_names_of_their_own() -> None:
    text = SPEC.replace("units = 2, 8", "units = 2, 1 + 1, 1 * 1")
    plan = Compilation(SourceFile("a.dl", text)).experiment("sizes")
    names = folder_names(plan.combinations())
    assert len(set(names)) == len(names) == 6
    assert names[0] == "2-relu" and names[2] == "1-1-relu"
    assert all(set(name) <= {*"0123456789abcdefghijklmnopqrstuvwxyz-."} for name in names)


def test_the_best_is_the_least_loss_and_the_most_accuracy() -> None:
    row = [Figure((0.5, 0.7)), None, Figure((0.65, 0.65))]
    assert best("test.accuracy", row) == 2
    assert best("test.loss", row) == 0
    assert best("seconds", row) == 0
    assert best("test.loss", [Figure((1.0,))]) is None


def test_equals_are_marked_alike() -> None:
    row = [Figure((0.5,)), Figure((0.9,)), None, Figure((0.9,))]
    assert as_good("test.accuracy", row) == {1, 3}
    assert as_good("test.loss", row) == {0}
    assert as_good("test.loss", row[1:]) == set()


def test_python_sees_the_same(place: Path) -> None:
    compilation = open_spec("points.dl")
    every = prepared(compilation, compilation.experiment("sizes"))
    assert [str(one.combination) for one in every[:2]] == [
        "units = 2, act = relu",
        "units = 2, act = tanh",
    ]
    with pytest.raises(DlspecError, match="DL907"):
        compilation.experiment("other")


LONG = """
experiment long runs learn {
    act = relu, leaky_relu(slope = 0.125), leaky_relu(slope = 0.0625)
    units = 2, 3; repeat = 2 seeds
    report = test.accuracy, validation.accuracy, test.loss, validation.loss
}
"""


def test_a_wide_table_cuts_no_value_and_no_figure(place: Path) -> None:
    one = Compilation(SourceFile("points.dl", SPEC + LONG), place)
    plan = one.experiment("long")
    every = prepared(one, plan)
    names = ("test.accuracy", "validation.accuracy", "test.loss", "validation.loss")
    trials = [
        Trial(index, seed, dict.fromkeys(names, 0.123 + seed + index), 23, 2, 12.5)
        for index in range(len(every))
        for seed in (0, 1)
    ]
    text = table(plan, every, trials)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "…" not in text
    assert all(name in text for name in (*names, "parameters", "seconds"))
    assert text.count("0.0625") == 2 * text.count("units")
    told = outcome(plan, trials[0], 50)
    assert told.startswith("test.accuracy 12.30 %  ") and len(told) <= 52
