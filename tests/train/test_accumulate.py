"""Gradients of several batches make one update: as one large batch would, whatever the sizes, the
lengths, the schedule or the clipping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dlspec.data.batches import epoch_order
from dlspec.ir.optimizer_plan import ClipPlan
from dlspec.ir.plan import OptimizerPlan, Quantity, Schedule
from dlspec.train import TrainOptions, TrainResult, train
from dlspec.train.player import Player, Precision
from dlspec.train.program import Program, program_of
from tests.train.recipes import classifier, dataset, splits, two_players
from tests.train.test_sequences import SPEC, spec_of

FALLING = OptimizerPlan(
    "sgd", {"lr": Schedule("linear", (0.2, 0.0, Quantity(5, "steps"))), "momentum": 0.9}
)


def learnt(folder: Path, train_size: int, name: str, **settings: object) -> TrainResult:
    plan = classifier(optimizer=FALLING, **({"epochs": 2} | settings))  # type: ignore[arg-type]
    options = TrainOptions(run_dir=folder / name, quiet=True, threads=1, matmul="highest")
    return train(plan, splits(train_size), options)


def near(a: TrainResult, b: TrainResult) -> bool:
    pairs = [(a.weights["net"][k], b.weights["net"][k]) for k in a.weights["net"]]
    return all(np.allclose(x, y, rtol=2e-4, atol=2e-6) for x, y in pairs)


@pytest.mark.parametrize(("count", "size", "examples"), [(2, 30, 120), (4, 10, 80), (3, 1, 12)])
@pytest.mark.parametrize("clip", [None, ClipPlan("norm", 0.3)], ids=["free", "clipped"])
def test_it_is_one_large_batch(
    tmp_path: Path, count: int, size: int, examples: int, clip: ClipPlan | None
) -> None:
    """Steps, schedules and clipping count updates."""
    parts = learnt(tmp_path, examples, "parts", batch=size, accumulate=count, clip=clip)
    whole = learnt(tmp_path, examples, "whole", batch=size * count, clip=clip)
    assert parts.steps == whole.steps == 2 * examples // (size * count)
    assert near(parts, whole)
    losses = [[r["train.loss"] for r in result.history] for result in (parts, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    other = learnt(tmp_path, examples, "other", batch=size, clip=clip)
    assert not near(parts, other)


def test_the_last_group_of_an_epoch_may_be_smaller(tmp_path: Path) -> None:
    """Ten batches, four at a time: four, four and two, and each batch of a group counts alike."""
    count, size = 4, 10
    rate = OptimizerPlan("sgd", {"lr": 0.1})
    plan = classifier(optimizer=rate, batch=size, accumulate=count, epochs=1)
    options = TrainOptions(run_dir=tmp_path / "run", quiet=True, threads=1, matmul="highest")
    result = train(plan, splits(105), options)
    assert result.steps == 3

    program = program_of(plan, tmp_path / "by_hand.py", 0, torch.device("cpu"))
    points, order = dataset(105, 1), epoch_order(105, 0, 0)[:100]
    parameters = list(program.parameters.values())
    for rows in (order[:40], order[40:80], order[80:]):
        x, label = points["x"][rows], points["label"][rows]
        loss = program.learn[0].call(x=torch.from_numpy(x), label=torch.from_numpy(label))
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter -= 0.1 * slope
    for name, parameter in program.parameters.items():
        learnt_one = result.weights["net"][name.removeprefix("net.")]
        np.testing.assert_allclose(learnt_one, parameter.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_steps_count_alike_where_a_loss_is_a_mean_over_steps(tmp_path: Path) -> None:
    """A batch of long examples weighs more than one of short ones, as in one batch of all."""

    from dlspec.ir.data_plan import VocabularyPlan

    plan = spec_of(SPEC).recipes["learn"]
    (step,) = plan.steps
    assert isinstance(plan.data.vocabularies[0], VocabularyPlan)  # type: ignore[union-attr]
    assert step.per["loss"] == "T_lengths"
    group = replace(step.groups[0], optimizer=OptimizerPlan("sgd", {"lr": 1.0}))
    draw = np.random.default_rng(5)
    lengths = np.array([2, 1, 6, 7, 5], np.int32)
    word, tag = (draw.integers(3, 5, (5, 7)) for _ in range(2))
    behind = np.arange(7) >= lengths[:, None]
    word[behind] = tag[behind] = 0

    def batch(rows: slice) -> dict[str, torch.Tensor]:
        most = lengths[rows].max()
        fields = {"word": word[rows, :most], "tag": tag[rows, :most], "T_lengths": lengths[rows]}
        return {n: torch.from_numpy(np.ascontiguousarray(a)) for n, a in fields.items()}

    def after(accumulate: int, *batches: dict[str, torch.Tensor]) -> tuple[Program, float]:
        chosen = replace(plan, steps=(replace(step, groups=(group,)),), accumulate=accumulate)
        program = program_of(chosen, tmp_path / "recipe.py", 0, torch.device("cpu"))
        player = Player(0, program, 0, 1, None, Precision("float32", program.device))
        return program, float(player.turn(batches, 0))

    whole, loss = after(1, batch(slice(0, 5)))
    parts, added = after(2, batch(slice(0, 2)), batch(slice(2, 5)))
    assert added == pytest.approx(loss, rel=1e-5)
    for name, parameter in whole.parameters.items():
        torch.testing.assert_close(parts.parameters[name], parameter, rtol=1e-4, atol=1e-6)


def test_statistics_of_norms_are_of_each_batch_and_noise_is_drawn_for_each(tmp_path: Path) -> None:
    plan = classifier(norm=True, dropout=0.5, batch=10, accumulate=4, epochs=1)
    program = program_of(plan, tmp_path / "recipe.py", 0, torch.device("cpu"))
    player = Player(0, program, 0, 1, None, Precision("float32", program.device))
    points = dataset(40)
    same = {
        "x": torch.from_numpy(points["x"][:10]),
        "label": torch.from_numpy(points["label"][:10]),
    }
    drawn: list[float] = []
    loss = player.loss

    def watched(batch: object, turn: int) -> torch.Tensor:
        value = loss(batch, turn)  # type: ignore[arg-type]
        drawn.append(float(value.detach()))
        return value

    player.loss = watched  # type: ignore[method-assign]
    before = program.tensors["net.norm.running_mean"].clone()
    player.turn([same] * 4, 0)
    assert len(set(drawn)) == 4  # the same examples under four masks
    once = 1 - (1 - 0.1)
    moved = program.tensors["net.norm.running_mean"] - before
    direction = torch.nn.functional.linear(
        same["x"],
        *(
            program_of(plan, tmp_path / "again.py", 0, program.device).parameters[f"net.hidden.{k}"]
            for k in ("weight", "bias")
        ),
    ).mean(0)
    torch.testing.assert_close(moved, direction * (1 - (1 - once) ** 4), rtol=1e-4, atol=1e-5)


def test_players_accumulate_and_resume_exactly(tmp_path: Path) -> None:
    """Each turn of a player takes a group of batches; twenty are seven groups of three."""
    plan = replace(two_players(times=2), accumulate=3)

    def run(name: str, epochs: int, *, resume: bool = False) -> TrainResult:
        options = TrainOptions(
            run_dir=tmp_path / name,
            quiet=True,
            threads=1,
            matmul="highest",
            epochs=epochs,
            resume=resume,
        )
        return train(plan, splits(400), options)

    whole = run("whole", 4)
    assert whole.steps == 4 * 3  # of 7 groups, the last of two batches, a step takes two
    run("parts", 2)
    assert run("parts", 4, resume=True).weight_hash == whole.weight_hash
