"""Stages: each with its goal, its settings and its optimisers; what no goal is over runs as in the
engine; a run that stops anywhere goes on exactly."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlspec.data import open_data
from dlspec.diagnostics import DlspecError, Sink
from dlspec.ir.plan import RecipePlan, Schedule
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.train import TrainOptions, TrainResult, session, train
from dlspec.train.checkpoint import load, under
from dlspec.train.events import EpochEnded, Event, Saved, StageBegan, StageEnded
from dlspec.train.log import log_line
from dlspec.train.optimizers import GroupOptimizer
from tests.train.recipes import CLASSES, FEATURES, dataset

SPEC = f"""
data points {{
    file = npz("points.npz")
    output x: float[N, {FEATURES}] = file.x
    output label: int[N] = file.label
    split = random(60%, 20%, 20%)
}}
block trunk(x) {{
    hidden = dense(8)
    norm   = batch_norm()
    return x -> hidden -> norm -> relu -> dropout(0.5)
}}
network net {{
    input x: float[N, {FEATURES}]
    body = trunk()
    head = dense({CLASSES})
    output logits = x -> body -> head
}}
recipe learn for net on points {{
    STAGES
    batch = 20; epochs = 2
    metrics = accuracy(logits, label)
}}
"""
WARM = "stage warm { minimize cross_entropy(logits, label) over net.head with adam(0.01) }"
TUNE = """stage tune {
    minimize cross_entropy(logits, label)
        over net.head with sgd(linear(0.1, 0, 1 epochs), momentum = 0.9), net with adam(0.01)
    epochs = 3; batch = 16; clip = norm(1)
    stop = early(patience = 2, watch = validation.loss)
}"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    points = dataset(200)
    np.savez(tmp_path / "points.npz", x=points["x"], label=points["label"])
    return tmp_path


def plan_of(*stages: str, **settings: str) -> RecipePlan:
    sink = Sink()
    text = SPEC.replace("STAGES", "\n".join(stages))
    spec = analyse(SourceFile("stages.dl", text), sink, overrides=settings)
    assert not sink.diagnostics, [d.message for d in sink.diagnostics]
    return spec.recipes["learn"]


def learnt(
    plan: RecipePlan, folder: Path, name: str = "run", heard: object = None, **more: object
) -> TrainResult:
    assert plan.data is not None
    chosen = {"run_dir": folder / name, "quiet": True, "threads": 1, "matmul": "highest"} | more
    splits = open_data(plan.data, folder=folder)
    return train(plan, splits, TrainOptions(**chosen), on_event=heard)  # type: ignore[arg-type]


class Crash(Exception):
    """A process that ends at this moment."""


def crash_after(saves: int, plan: RecipePlan, folder: Path, **more: object) -> int:
    """Learn, and end right after the n-th checkpoint; the stage that it is of."""
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, Saved)
        if seen == saves:
            raise Crash

    with pytest.raises(Crash):
        learnt(plan, folder, "parts", listen, save_seconds=0.0, **more)
    return load(folder / "parts" / "checkpoint.safetensors")[0].stage


# --- what changes ---------------------------------------------------------------------------------


def test_what_no_goal_is_over_runs_as_in_the_engine(folder: Path) -> None:
    plan = plan_of(WARM, TUNE)
    warm, tune = plan.stages
    assert [g.parameters for g in warm.steps[0].groups] == [("net.head.weight", "net.head.bias")]
    assert not warm.steps[0].learn.updates and tune.steps[0].learn.updates
    assert not warm.steps[0].learn.noise_inputs and tune.steps[0].learn.noise_inputs
    first = learnt(replace(plan, stages=(warm, replace(warm, name="again"))), folder)
    begun = learnt(plan, folder, "begun", epochs=1)
    net = first.weights["net"]
    fresh = plan_of(WARM, TUNE)
    from dlspec.randomness import initial_weights

    start = initial_weights(fresh.stages[0].steps[0].learn, 0, "net.")
    for key in ("body.hidden.weight", "body.norm.weight", "body.norm.running_mean"):
        np.testing.assert_array_equal(net[key], start[f"net.{key}"])
        assert not np.array_equal(begun.weights["net"][key], start[f"net.{key}"])
    assert not np.array_equal(net["head.weight"], start["net.head.weight"])


def test_settings_inside_override_those_outside() -> None:
    warm, tune = plan_of(WARM, TUNE).stages
    assert (warm.batch, warm.epochs, warm.clip, warm.stop) == (20, 2, None, None)
    assert (tune.batch, tune.epochs, tune.metrics) == (16, 3, ("accuracy",))
    assert tune.clip is not None and tune.stop is not None
    (one,) = plan_of(WARM.replace(" }", "; steps = 7; metrics = mse(logits, 0) }")).stages
    assert (one.epochs, one.max_steps, one.metrics) == (None, 7, ("mse",))


def test_settings_from_outside_count_in_every_stage() -> None:
    warm, tune = plan_of(WARM, TUNE, epochs="1", batch="5").stages
    assert [(s.epochs, s.batch) for s in (warm, tune)] == [(1, 5), (1, 5)]


def test_a_stage_of_another_is_as_if_it_were_trained_alone(folder: Path) -> None:
    """The first stage makes of the weights what a recipe of its goal alone makes of them."""
    plan = plan_of(WARM, TUNE)
    alone = replace(plan.stages[0], networks=plan.networks, name="warm")
    only = learnt(replace(plan, stages=plan.stages[:1]), folder, "only")
    kept = learnt(replace(alone, stages=(alone,)), folder, "alone")
    assert only.weight_hash == kept.weight_hash
    assert only.epochs == 2 and only.steps == 2 * 6


def test_schedules_and_optimisers_begin_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[tuple[str, float]] = []
    schedule = GroupOptimizer.schedule

    def watched(self: GroupOptimizer, step: int) -> None:
        schedule(self, step)
        rates.append((str(step), self.torch.param_groups[0]["lr"]))

    monkeypatch.setattr(GroupOptimizer, "schedule", watched)
    falling = "stage s { minimize cross_entropy(logits, label) with sgd(linear(0.1, 0, 1 epochs)) }"
    plan = plan_of(falling, falling.replace("stage s", "stage t"))
    assert isinstance(plan.stages[0].steps[0].groups[0].optimizer.settings["lr"], Schedule)
    learnt(plan, folder)
    first, second = rates[: len(rates) // 2], rates[len(rates) // 2 :]
    assert (
        first == second
        and first[0] == ("0", 0.1)
        and first[6:] == [(str(n), 0.0) for n in range(6, 12)]
    )


def test_the_best_weights_of_a_stage_go_on(folder: Path) -> None:
    wild = TUNE.replace("linear(0.1, 0, 1 epochs), momentum = 0.9", "step(0.05, 1000, 1 epochs)")
    still = "stage last { minimize cross_entropy(logits, label) over net.head with sgd(1e-30) }"
    plan = plan_of(wild, still)
    result = learnt(plan, folder)
    losses = [r["validation.loss"] for r in result.history]
    stages = [int(r["stage"]) for r in result.history]
    best = min(v for v, s in zip(losses, stages, strict=True) if s == 1)
    assert losses[stages.index(2)] == pytest.approx(best, rel=1e-5)
    assert losses[stages.index(2) - 1] > 1.001 * best  # not what it ended with


# --- loops ----------------------------------------------------------------------------------------

STACKED = f"""
data points {{ file = npz("points.npz"); output x: float[N, {FEATURES}] = file.x }}
network stacked(sizes = [8, 6, 4]) {{
    input x: float[N, {FEATURES}]
    h = x
    for size in sizes {{
        below  = h
        encode = dense(size)
        decode = dense(below.shape[1])
        h   = below -> encode -> sigmoid
        gap = mean(((h -> decode) - below) ** 2, axis = 1) when training
    }}
    output code = h
}}
recipe learn for stacked on points {{
    for i in 1..3 {{
        stage pretrain {{
            minimize gap[i] over stacked.encode[i], stacked.decode[i] with adam(0.01 / i)
            epochs = i
        }}
    }}
    stage tune {{ minimize mean(gap[1] + gap[2]) with adam(0.001); epochs = 1 }}
    batch = 50
}}
"""


def test_stages_in_a_loop_pretrain_layer_by_layer(folder: Path) -> None:
    sink = Sink()
    plan = analyse(SourceFile("stacked.dl", STACKED), sink).recipes["learn"]
    assert not sink.diagnostics
    assert [s.name for s in plan.stages] == [f"pretrain[{i}]" for i in (1, 2, 3)] + ["tune"]
    for i, stage in enumerate(plan.stages[:3], start=1):
        (group,) = stage.steps[0].groups[:1]
        moved = [n for g in stage.steps[0].groups for n in g.parameters]
        assert moved == [
            f"stacked.{k}.{i}.{w}" for k in ("encode", "decode") for w in ("weight", "bias")
        ]
        assert group.optimizer.settings["lr"] == pytest.approx(0.01 / i) and stage.epochs == i
    heard: list[Event] = []
    result = learnt(plan, folder, heard=heard.append)
    began = [e for e in heard if isinstance(e, StageBegan)]
    assert log_line(began[1]) == (
        "stage pretrain[2] (2 of 4): 2 epochs, learns stacked.encode.2, stacked.decode.2"
    )
    assert [e.reason for e in heard if isinstance(e, StageEnded)] == ["all epochs done"] * 3
    ended = [e for e in heard if isinstance(e, EpochEnded)]
    assert [(e.stage, e.epoch) for e in ended][-3:] == [
        ("pretrain[3]", 2),
        ("pretrain[3]", 3),
        ("tune", 1),
    ]
    assert [r["epoch"] for r in result.history] == list(range(1, 8))
    assert [r["stage"] for r in result.history] == [1, 2, 2, 3, 3, 3, 4]
    source = (folder / "run" / "recipe.py").read_text()
    assert re.findall(r"def (learn\w+)", source) == [
        "learn_pretrain_1",
        "learn_pretrain_2",
        "learn_pretrain_3",
        "learn_tune",
    ]
    assert "stage" in (folder / "run" / "history.csv").read_text().splitlines()[0]


# --- resume ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("accumulate", [1, 4])
def test_a_run_that_stops_anywhere_goes_on_exactly(
    folder: Path, monkeypatch: pytest.MonkeyPatch, accumulate: int
) -> None:
    plan = plan_of(WARM, TUNE, accumulate=str(accumulate))
    whole = learnt(plan, folder, "whole")
    monkeypatch.setattr(session, "READ_SECONDS", 0.0)  # every step is saved
    stages = [crash_after(3, plan, folder)]
    while True:
        try:
            stages.append(crash_after(4, plan, folder, resume=True))
        except pytest.fail.Exception:  # it got to the end before
            break
    assert set(stages) == {0, 1} and len(stages) >= 5 - 2 * (accumulate > 1)
    parts = learnt(plan, folder, "parts", resume=True)
    assert parts.weight_hash == whole.weight_hash and parts.steps == whole.steps
    assert [r["validation.loss"] for r in parts.history] == [
        r["validation.loss"] for r in whole.history
    ]


def test_a_run_that_stops_between_stages_goes_on_exactly(folder: Path) -> None:
    plan = plan_of(TUNE, WARM)
    whole = learnt(plan, folder, "whole")

    def listen(event: Event) -> None:
        if isinstance(event, StageEnded):
            raise Crash

    with pytest.raises(Crash):
        learnt(plan, folder, "parts", listen)
    assert learnt(plan, folder, "parts", resume=True).weight_hash == whole.weight_hash
    kept = under("optimizer/", load(folder / "parts" / "checkpoint.safetensors")[1])
    assert {n.split("/")[0] for n in kept} == {"warm"}  # the state of the last stage alone


def test_what_may_not_change_is_named_with_its_stage(folder: Path) -> None:
    learnt(plan_of(WARM, TUNE), folder)
    for changed, named in (
        (TUNE.replace("16", "32"), "batch of stage `tune` (16 before, 32 now)"),
        (TUNE.replace("stage tune", "stage polish"), "stages"),
        (TUNE.replace("norm(1)", "norm(2)"), "clip of stage `tune`"),
    ):
        with pytest.raises(DlspecError) as error:
            learnt(plan_of(WARM, changed), folder, resume=True)
        assert error.value.diagnostics[0].code == "DL691"
        assert named in error.value.diagnostics[0].notes[0]


# --- pictures -------------------------------------------------------------------------------------


def test_pictures_show_where_a_stage_ends(folder: Path) -> None:
    from dlspec.verify.report_charts import curve_chart

    result = learnt(plan_of(WARM, TUNE), folder)
    drawn = (folder / "run" / "curves.svg").read_text()
    assert drawn.count("<!-- warm -->") == drawn.count("<!-- tune -->") == 2  # two panels
    chart = curve_chart(result.history, ["train.loss"], "loss", ["warm", "tune"])
    assert chart.count(">warm<") == chart.count(">tune<") == 1
    assert len(re.findall(r"<line[^>]*x1=\"([\d.]+)\"[^>]*x2=\"\1\"", chart)) == 1


def test_a_terminal_shows_stages(folder: Path) -> None:
    import io

    from rich.console import Console

    from dlspec.train.progress import progress_for

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with progress_for(False, console) as display:
        learnt(plan_of(WARM, TUNE), folder, heard=display)
    plain = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", screen.getvalue())
    lines = [line.rstrip() for line in plain.splitlines() if line.strip()]
    assert "stage warm (1 of 2): 2 epochs, learns net.head" in lines
    at = next(i for i, line in enumerate(lines) if line.startswith("stage tune (2 of 2)"))
    assert lines[at - 1] == "all epochs done"
    assert lines[at + 1].split()[0] == "1" and "train.loss" in lines[at + 1]
