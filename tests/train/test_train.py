"""Whole small trainings, on the CPU."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlspec.data import Splits
from dlspec.diagnostics import DlspecError
from dlspec.ir.plan import EarlyStop, GroupPlan, OptimizerPlan, Quantity, RecipePlan, Schedule
from dlspec.train import TrainOptions, TrainResult, evaluate, train
from dlspec.train.events import EpochEnded, Event, Noted
from tests.train.recipes import ADAM, SGD, classifier, dataset, of, splits, two_players


def options(folder: Path, **more: Any) -> TrainOptions:
    """Nothing probed, so that runs compare bit for bit."""
    return TrainOptions(
        **{"run_dir": folder, "quiet": True, "threads": 1, "matmul": "highest"} | more
    )


def run(plan: RecipePlan, folder: Path, data: Splits | None = None, **more: Any) -> TrainResult:
    return train(plan, data or splits(), options(folder, **more))


def code_of(error: pytest.ExceptionInfo[DlspecError]) -> str:
    return error.value.diagnostics[0].code


@pytest.mark.parametrize("optimizer", [SGD, ADAM], ids=["sgd", "adam"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_the_loss_falls_and_the_classes_are_learnt(
    tmp_path: Path, optimizer: OptimizerPlan, precision: Any
) -> None:
    result = run(classifier(optimizer=optimizer, precision=precision, epochs=6), tmp_path)
    losses = [row["train.loss"] for row in result.history]
    assert losses[-1] < 0.4 * losses[0]
    assert result.metrics["test.accuracy"] > 0.85
    assert result.weights["net"]["hidden.weight"].dtype == np.float32
    assert result.steps == 6 * 16 and result.epochs == 6


def test_the_module_that_was_trained_lies_in_the_run(tmp_path: Path) -> None:
    run(classifier(), tmp_path)
    assert "def learn(self, x: Tensor" in (tmp_path / "recipe.py").read_text()


def test_seeds_decide_the_weights(tmp_path: Path) -> None:
    plan = classifier(dropout=0.2, epochs=1)
    first, same = run(plan, tmp_path / "a"), run(plan, tmp_path / "b")
    other = run(plan, tmp_path / "c", seed=1)
    assert first.weight_hash == same.weight_hash != other.weight_hash


def test_a_network_alone_begins_as_it_does_without_a_recipe(tmp_path: Path) -> None:
    from dlspec.randomness import initial_weights

    plan = classifier(optimizer=OptimizerPlan("sgd", {"lr": 0.0}))
    weights = run(plan, tmp_path).weights["net"]
    fresh = initial_weights(plan.networks["net"].graph, plan.seed, "net.")
    assert all(np.array_equal(fresh[f"net.{n}"], w) for n, w in weights.items())


def test_only_the_named_parameters_change(tmp_path: Path) -> None:
    frozen = run(
        classifier(epochs=0 + 1, optimizer=OptimizerPlan("sgd", {"lr": 0.0})), tmp_path / "a"
    )
    head = run(classifier(only=["net.out.weight"]), tmp_path / "b")
    before, after = frozen.weights["net"], head.weights["net"]
    changed = {n for n in before if not np.array_equal(before[n], after[n])}
    assert changed == {"out.weight"}


def test_groups_have_their_own_optimisers(tmp_path: Path) -> None:
    plan = classifier()
    step = plan.steps[0]
    still = OptimizerPlan("sgd", {"lr": 0.0})
    groups = (
        GroupPlan(("net.hidden.weight", "net.hidden.bias"), still),
        GroupPlan(("net.out.weight", "net.out.bias"), ADAM),
    )
    plan = replace(plan, steps=(replace(step, groups=groups),))
    start = run(classifier(optimizer=still), tmp_path / "a").weights["net"]
    end = run(plan, tmp_path / "b").weights["net"]
    assert np.array_equal(start["hidden.weight"], end["hidden.weight"])
    assert not np.array_equal(start["out.bias"], end["out.bias"])


def test_two_players_change_each_its_own_network(tmp_path: Path) -> None:
    result = run(two_players(), tmp_path, Splits(of(x=dataset(200)["x"]), None, None), epochs=8)
    for player in ("first", "second"):
        losses = [row[f"train.{player}.loss"] for row in result.history]
        assert losses[-1] < 0.8 * losses[0]
    assert result.steps == 8 * 10
    first_alone = two_players()
    first_alone = replace(first_alone, steps=first_alone.steps[:1])
    alone = run(
        first_alone, tmp_path / "alone", Splits(of(x=dataset(200)["x"]), None, None), epochs=8
    )
    # what `b` does has no part in `a`'s loss, so `a` learns as if it were alone
    assert np.array_equal(alone.weights["a"]["code.weight"], result.weights["a"]["code.weight"])


def test_a_step_of_several_turns_takes_several_batches(tmp_path: Path) -> None:
    result = run(
        two_players(times=3), tmp_path, Splits(of(x=dataset(200)["x"]), None, None), epochs=2
    )
    assert result.steps == 2 * (10 // 3)


def test_batch_norm_moves_its_statistics_while_learning_alone(tmp_path: Path) -> None:
    data = splits()
    result = run(classifier(norm=True), tmp_path, data)
    weights = result.weights["net"]
    assert not np.allclose(weights["norm.running_mean"], 0)
    again = (
        evaluate(classifier(norm=True), result.weights, data.test, threads=1) if data.test else {}
    )
    assert again["loss"] == pytest.approx(result.metrics["test.loss"], rel=1e-6)


def test_evaluation_weighs_the_last_batch_by_its_examples(tmp_path: Path) -> None:
    data = splits(validation=51)  # two batches of 25 and one example
    assert data.validation is not None
    result = run(classifier(epochs=2), tmp_path, data)
    x, label = data.validation["x"].astype(np.float64), data.validation["label"]
    net = {n: w.astype(np.float64) for n, w in result.weights["net"].items()}
    hidden = np.maximum(x @ net["hidden.weight"].T + net["hidden.bias"], 0)
    logits = hidden @ net["out.weight"].T + net["out.bias"]
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(51), label]
    assert result.metrics["validation.loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert result.metrics["validation.accuracy"] == pytest.approx(
        (logits.argmax(1) == label).mean()
    )


def test_fewer_examples_than_a_batch(tmp_path: Path) -> None:
    result = run(classifier(epochs=2), tmp_path, splits(train=7))
    assert result.steps == 2


def test_early_stop_restores_the_best_epoch(tmp_path: Path) -> None:
    # few examples and a high rate: the validation loss rises again
    plan = classifier(
        optimizer=OptimizerPlan("adam", {"lr": 0.1}),
        epochs=200,
        stop=EarlyStop(3, "validation.loss", "min"),
    )
    data = splits(train=60)
    result = run(plan, tmp_path, data)
    losses = [row["validation.loss"] for row in result.history]
    best = int(np.argmin(losses))
    assert result.best_epoch == best + 1
    assert len(losses) == best + 1 + 3 < 200
    assert result.metrics["validation.loss"] == pytest.approx(losses[best], rel=1e-6)
    assert data.validation is not None
    measured = evaluate(plan, result.weights, data.validation, threads=1)
    assert measured["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_early_stop_can_want_more(tmp_path: Path) -> None:
    stop = EarlyStop(2, "validation.accuracy", "max")
    result = run(classifier(epochs=40, stop=stop), tmp_path)
    scores = [row["validation.accuracy"] for row in result.history]
    assert result.best_epoch == int(np.argmax(scores)) + 1
    assert len(scores) == result.best_epoch + 2


def test_a_limit_on_steps_ends_within_an_epoch(tmp_path: Path) -> None:
    result = run(classifier(epochs=None, max_steps=21), tmp_path)
    assert result.steps == 21 and [row["step"] for row in result.history] == [16, 21]


def test_nan_stops_with_the_step_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    from dlspec.train.checkpoint import load

    data = splits()
    x = data.train["x"].copy()
    run(classifier(epochs=1), tmp_path)
    saved = (tmp_path / "checkpoint.safetensors").read_bytes()
    x[37] = np.nan
    broken = Splits(of(x=x, label=data.train["label"]), data.validation, None)
    with pytest.raises(DlspecError) as error:
        run(classifier(epochs=2), tmp_path / "nan", broken)
    assert code_of(error) == "DL693" and "the loss became NaN at step" in str(error.value)
    step = error.value.diagnostics[0].facts()["step"]
    from dlspec.data import epoch_order

    place = int(np.flatnonzero(epoch_order(400, 0, 0) == 37)[0])
    assert step == place // 25 + 1
    assert not (tmp_path / "nan" / "checkpoint.safetensors").exists()

    # a run that goes wrong after its first epoch keeps what it saved
    rate = Schedule("step", (0.1, 1e30, Quantity(1, "epochs")))
    with pytest.raises(DlspecError) as error:
        run(classifier(optimizer=OptimizerPlan("sgd", {"lr": rate}), epochs=3), tmp_path / "late")
    assert code_of(error) == "DL693"
    state, tensors = load(tmp_path / "late" / "checkpoint.safetensors")
    assert state.epoch == 1
    assert all(np.isfinite(t).all() for t in tensors.values())
    assert saved == (tmp_path / "checkpoint.safetensors").read_bytes()


def test_schedules_change_the_rate_by_step(tmp_path: Path) -> None:
    half = Schedule("step", (0.1, 0.0, Quantity(16, "steps")))
    one = run(classifier(optimizer=OptimizerPlan("sgd", {"lr": 0.1}), epochs=1), tmp_path / "a")
    two = run(classifier(optimizer=OptimizerPlan("sgd", {"lr": half}), epochs=2), tmp_path / "b")
    assert one.weight_hash == two.weight_hash  # the rate is 0 from step 16 on


def test_streamed_data_gives_the_same_weights(tmp_path: Path) -> None:
    plan = classifier(dropout=0.3, epochs=2)
    there, streamed = run(plan, tmp_path / "a"), run(plan, tmp_path / "b", memory=0)
    assert there.weight_hash == streamed.weight_hash
    assert there.metrics == streamed.metrics


def test_history_is_a_table(tmp_path: Path) -> None:
    result = run(classifier(epochs=2), tmp_path)
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = "epoch step seconds samples_per_s train.loss validation.loss validation.accuracy"
    assert list(rows[0]) == names.split()
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["train.loss"]) == pytest.approx(result.history[1]["train.loss"], rel=1e-5)
    assert (tmp_path / "curves.svg").read_text().lstrip().startswith("<?xml")


def test_events_tell_what_happens(tmp_path: Path) -> None:
    heard: list[Event] = []
    train(classifier(epochs=2), splits(), options(tmp_path), on_event=heard.append)
    kinds = [type(e).__name__ for e in heard]
    assert kinds[0] == "Started" and kinds[-1] == "Finished"
    assert [e.row["epoch"] for e in heard if isinstance(e, EpochEnded)] == [1, 2]


def test_starting_from_weights_takes_what_fits(tmp_path: Path) -> None:
    first = run(classifier(), tmp_path / "a")
    still = OptimizerPlan("sgd", {"lr": 0.0})
    same = run(classifier(optimizer=still), tmp_path / "b", init_from=tmp_path / "a")
    assert same.weight_hash == first.weight_hash

    wider, heard = classifier(optimizer=still, units=40), list[Event]()
    train(wider, splits(), options(tmp_path / "c", init_from=tmp_path / "a"), on_event=heard.append)
    (note,) = [e.diagnostic for e in heard if isinstance(e, Noted)]
    assert note.code == "DL696" and "net.hidden.weight" in "".join(note.notes)

    with pytest.raises(DlspecError) as error:
        run(
            two_players(),
            tmp_path / "d",
            Splits(of(x=dataset(50)["x"]), None, None),
            init_from=tmp_path / "a",
        )
    assert code_of(error) == "DL697"


def test_renamed_weights_are_guessed(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    kept = run(classifier(), tmp_path / "a").weights["net"]
    renamed = {n.replace("hidden", "inner"): w for n, w in kept.items()}
    save_file(renamed, tmp_path / "old.safetensors")
    heard: list[Event] = []
    where = options(tmp_path / "b", init_from=tmp_path / "old.safetensors")
    train(classifier(epochs=1), splits(), where, on_event=heard.append)
    (note,) = [e.diagnostic for e in heard if isinstance(e, Noted)]
    assert "`inner.weight` is now `net.hidden.weight`" in "".join(note.helps)


@pytest.mark.parametrize(
    ("code", "plan", "data"),
    [
        ("DL400", classifier(epochs=None), splits()),
        ("DL401", classifier(stop=EarlyStop(2, "validation.acuracy", "max")), splits()),
        (
            "DL402",
            classifier(stop=EarlyStop(2, "validation.loss", "min")),
            Splits(dataset(50), None, None),
        ),
        (
            "DL403",
            classifier(optimizer=OptimizerPlan("sgd", {"lr": Schedule("wave", (1.0,))})),
            splits(),
        ),
        ("DL404", classifier(optimizer=OptimizerPlan("sgd", {"lr": -1.0})), splits()),
        ("DL404", classifier(optimizer=OptimizerPlan("sgd", {"nesterov": True})), splits()),
        (
            "DL405",
            classifier(),
            Splits(of(y=np.zeros((9, 12), "f4"), label=np.zeros(9, "i8")), None, None),
        ),
        (
            "DL406",
            classifier(),
            Splits(of(x=np.zeros((9, 5), "f4"), label=np.zeros(9, "i8")), None, None),
        ),
        (
            "DL406",
            classifier(),
            Splits(of(x=np.zeros((9, 12), "f4"), label=np.zeros(9, "f4")), None, None),
        ),
        ("DL407", classifier(), Splits(dataset(9).subset([]), None, None)),
        ("DL410", classifier(only=[""]), splits()),
    ],
)
def test_recipes_that_cannot_be_carried_out(
    tmp_path: Path, code: str, plan: RecipePlan, data: Splits
) -> None:
    if code == "DL410":
        plan = replace(plan, steps=(replace(plan.steps[0], groups=()),))
    with pytest.raises(DlspecError) as error:
        run(plan, tmp_path, data)
    assert code_of(error) == code


def test_a_missing_device_is_said(tmp_path: Path) -> None:
    with pytest.raises(DlspecError) as error:
        run(classifier(), tmp_path, device="nonsense")
    assert code_of(error) == "DL408"


def test_settings_of_the_process_stay_as_they_were(tmp_path: Path) -> None:
    import torch

    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    train(
        classifier(epochs=1), splits(), TrainOptions(run_dir=tmp_path, quiet=True)
    )  # with the probe
    assert before == (torch.get_num_threads(), torch.get_float32_matmul_precision())


def test_importing_training_leaves_torch_out() -> None:
    heavy = "{'torch', 'rich', 'matplotlib'}"
    code = f"import sys, dlspec.train; print(sorted({heavy} & set(sys.modules)))"
    given = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert given.stdout.strip() == "[]"
