"""A training from its first or saved step to its end."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlspec.data.dataset import Array, Dataset, Splits
from dlspec.diagnostics import Diagnostic, DlspecError, did_you_mean
from dlspec.diagnostics.train import (
    Interrupted,
    NoEnd,
    NotFinite,
    NothingLearns,
    NothingToValidate,
    UnknownWatch,
)
from dlspec.ir.plan import RecipePlan
from dlspec.train import checkpoint
from dlspec.train.checkpoint import RunState
from dlspec.train.evaluation import Measure, measured_names
from dlspec.train.events import EpochEnded, Listener, Noted, Progressed, Saved, StageBegan
from dlspec.train.feed import Batch, Feed, memory_for_data
from dlspec.train.history import write_history
from dlspec.train.interrupt import Interrupt
from dlspec.train.options import Row, TrainOptions
from dlspec.train.player import Player, Precision
from dlspec.train.program import Program
from dlspec.train.rundir import RunDir

if TYPE_CHECKING:
    import torch

READ_SECONDS = 0.1
"""How often losses are read from the device; each reading waits for it."""
SAVING_SHARE = 0.01
"""How much of the time saving may take at the ends of epochs."""


@dataclass(frozen=True)
class Limits:
    """Where a run ends."""

    epochs: int | None
    steps: int | None

    def reached(self, state: RunState) -> bool:
        """Whether a run is there."""
        epochs_done = self.epochs is not None and state.epoch >= self.epochs
        return epochs_done or (self.steps is not None and state.step >= self.steps)


class Session:
    """Learns, measures and saves, in one stage. ``state`` says where it stands; `restore` it, or
    `follow` an earlier stage, before `run`."""

    def __init__(
        self,
        program: Program,
        splits: Splits,
        options: TrainOptions,
        run: RunDir,
        seed: int,
        say: Listener,
    ) -> None:
        plan = program.plan
        self.program, self.plan, self.options, self.run_dir, self.say = (
            program,
            plan,
            options,
            run,
            say,
        )
        self.state = RunState()
        self.limits = Limits(
            plan.epochs if options.epochs is None else options.epochs, plan.max_steps
        )
        check_plan(plan, splits, self.limits)
        self.memory = memory = (
            memory_for_data(program.device) if options.memory is None else options.memory
        )
        feed = feeds(program, seed, memory)
        self.feed = feed(splits.train, "training")
        self.measure = self._measure(splits.validation, feed, "validation", seed)
        self.test_measure = self._measure(splits.test, feed, "test", seed)
        # a step of k turns takes k groups of batches; the next step goes on with the last of them
        self._stride = 1 + sum(s.times - 1 for s in plan.steps)
        groups = math.ceil(self.feed.per_epoch / plan.accumulate)  # the last one may be smaller
        self.rounds = max(1, groups // self._stride)
        self.precision = Precision(plan.precision, program.device)
        total = self._total_steps()
        self.players = [
            Player(i, program, seed, self.rounds, total, self.precision)
            for i in range(len(plan.steps))
        ]
        self.best: dict[str, torch.Tensor] = {}
        self._losses: list[torch.Tensor] = []
        self._last_save = time.perf_counter()
        self._save_cost = 0.0
        self._began = time.perf_counter()
        self._began_step = 0
        self._epoch_samples = 0

    def _measure(
        self, dataset: Dataset | None, feed: Callable[[Dataset, str], Feed], part: str, seed: int
    ) -> Measure | None:
        return None if dataset is None else Measure(self.program, feed(dataset, part), seed)

    def follow(self, earlier: Session) -> None:
        """Begin after the stage of another session, with the weights that count of it."""
        earlier.settle()
        self.state = earlier.state.following()

    def settle(self) -> None:
        """Take the best weights back, where early stop watches for them."""
        import torch

        with torch.no_grad():
            for name, value in self.best.items():
                self.program.tensors[name].copy_(value)

    def began(self, number: int, of: int) -> StageBegan:
        """What is told when the stage begins."""
        changed = {n for s in self.plan.steps for g in s.groups for n in g.parameters}
        layers = tuple(dict.fromkeys(n.rpartition(".")[0] for n in self.program.parameters))
        learns = tuple(
            layer for layer in layers if any(n.rpartition(".")[0] == layer for n in changed)
        )
        return StageBegan(self.plan.name, number, of, self.limits.epochs, self.rounds, learns)

    # --- learning ---------------------------------------------------------------------------------

    def run(self) -> str:
        """Learn to the end; the reason for it.

        Raises:
            DlspecError: DL693 where a loss stops being finite, DL694 after Ctrl-C.
        """
        self._began, self._began_step = time.perf_counter(), self.state.step
        self._last_save = self._began
        self.program.open()
        with Interrupt() as stop:
            while not self.limits.reached(self.state):
                if self._patience_spent():
                    return "no better for some epochs"
                self._epoch(stop)
        if self.limits.epochs is not None and self.state.epoch >= self.limits.epochs:
            return "all epochs done"
        return "all steps done"

    def _epoch(self, stop: Interrupt) -> None:
        state, players = self.state, self.players
        groups = self._groups(state.all_epochs, state.position)
        losses, most = self._losses, self.limits.steps
        clock = time.perf_counter
        mark = clock()
        next_read = mark + READ_SECONDS
        try:
            while state.position < self.rounds and (most is None or state.step < most):
                group = next(groups)
                for player in players:
                    turn = state.step * player.times
                    losses.append(player.turn(group, turn))
                    for extra in range(1, player.times):
                        group = next(groups)
                        losses.append(player.turn(group, turn + extra))
                state.position += 1
                state.step += 1
                now = clock()
                if now >= next_read or stop.wanted:
                    self._read()
                    now = clock()
                    mark = self._count(now, mark)
                    self._tell()
                    next_read = now + READ_SECONDS
                    if stop.wanted:
                        self._interrupted()
                    if now - self._last_save >= self.options.save_seconds:
                        self.save()
                        mark = clock()
        finally:
            groups.close()
        self._read()
        self._count(clock(), mark)
        self._epoch_ended()

    def _groups(self, epoch: int, position: int) -> Generator[list[Batch], None, None]:
        """The batches of each update, as many as are accumulated."""
        count, start = self.plan.accumulate, position * self._stride * self.plan.accumulate
        while True:
            with contextlib.closing(self.feed.learn(epoch, start)) as batches:
                while group := list(itertools.islice(batches, count)):
                    yield group
            start = 0  # where one round takes more batches than there are

    def _count(self, now: float, mark: float) -> float:
        self.state.learning_seconds += now - mark
        self.state.epoch_seconds += now - mark
        return now

    def _read(self) -> None:
        """Bring the losses since the last reading from the device and add them up, one after the
        other."""
        import torch

        if not self._losses:
            return
        values: list[float] = torch.stack(self._losses).float().cpu().tolist()
        self._losses.clear()
        state = self.state
        names = [p.name for p in self.players for _ in range(p.times)]
        first = state.step - len(values) // len(names)
        for index, (name, value) in enumerate(zip(itertools.cycle(names), values, strict=False)):
            if not math.isfinite(value):
                what = "the loss" if len(self.players) == 1 else f"the loss of step `{name}`"
                self._not_finite(what, value, first + index // len(names) + 1)
            state.loss_sums[name] = state.loss_sums.get(name, 0.0) + value
            state.loss_counts[name] = state.loss_counts.get(name, 0) + 1

    # --- the end of an epoch ----------------------------------------------------------------------

    def _epoch_ended(self) -> None:
        state = self.state
        row = self._row()
        best = self._is_better(row)
        if state.history and state.history[-1]["epoch"] == row["epoch"]:
            state.history.pop()  # the same epoch, measured where an earlier limit on steps cut it
        state.history.append(row)
        if best:
            self.best = {n: t.detach().clone() for n, t in self.program.tensors.items()}
        full = state.position >= self.rounds
        state.epoch += full
        state.position = 0 if full else state.position
        if full:
            state.loss_sums, state.loss_counts, state.epoch_seconds = {}, {}, 0.0
        over = self.limits.reached(state) or self._patience_spent()
        since = time.perf_counter() - self._last_save
        if over or since * SAVING_SHARE >= self._save_cost:
            self.save()
        write_history(self.run_dir.history, state.history)
        stage, epoch = self.program.stage, int(row["epoch"]) - state.epochs_before
        self.say(EpochEnded(row, best, self._seconds_left(), stage, epoch))

    def _row(self) -> Row:
        state = self.state
        row: Row = {"epoch": state.all_epochs + 1}
        if self.program.stage:
            row["stage"] = state.stage + 1
        row |= {
            "step": state.all_steps,
            "seconds": state.learning_seconds,
            "samples_per_s": self._samples() / max(state.epoch_seconds, 1e-9),
        }
        alone = len(self.players) == 1
        for name, total in state.loss_sums.items():
            row["train.loss" if alone else f"train.{name}.loss"] = total / state.loss_counts[name]
        if self.measure:
            row |= {f"validation.{n}": v for n, v in self.measure().items()}
            for name, value in row.items():
                if name.endswith("loss") and not math.isfinite(value):
                    self._not_finite(f"`{name}`", value, state.step)
        return row

    def _is_better(self, row: Row) -> bool:
        stop, state = self.plan.stop, self.state
        if stop is None:
            return False
        value = row[stop.watch]
        before = state.best_value
        if before is None or (value < before if stop.mode == "min" else value > before):
            state.best_value, state.best_epoch = value, int(row["epoch"])
            return True
        return False

    def _patience_spent(self) -> bool:
        stop, state = self.plan.stop, self.state
        if stop is None or state.best_epoch is None:
            return False
        return state.all_epochs - state.best_epoch >= stop.patience

    # --- saving -----------------------------------------------------------------------------------

    def save(self) -> None:
        """Write a checkpoint, after a look that all of it is finite."""
        begin = time.perf_counter()
        self._check_weights()
        checkpoint.save(self.run_dir.checkpoint, self._complete_state(), self._tensors())
        self._last_save = time.perf_counter()
        self._save_cost = self._last_save - begin
        self.say(Saved(self.run_dir.checkpoint, self.state.step, self._save_cost))

    def restore(self, state: RunState, tensors: dict[str, Array]) -> None:
        """Go on from a checkpoint."""
        import torch

        self.state = state
        self.program.load(checkpoint.under("weights/", tensors))
        self.best = {
            n: torch.from_numpy(a).to(self.program.device)
            for n, a in checkpoint.under("best/", tensors).items()
        }
        for player in self.players:
            for index, optimizer in enumerate(player.optimizers):
                prefix = f"optimizer/{player.name}/{index}/"
                kept = checkpoint.under(prefix, tensors)
                optimizer.restore({n: torch.from_numpy(a) for n, a in kept.items()})
        self.precision.restore(state.scaler)

    def _complete_state(self) -> RunState:
        self.state.scaler = self.precision.state()
        return self.state

    def _tensors(self) -> dict[str, Array]:
        def arrays(tensors: dict[str, torch.Tensor]) -> dict[str, Array]:
            return {n: t.detach().cpu().numpy() for n, t in tensors.items()}

        found = checkpoint.below("weights/", arrays(dict(self.program.tensors)))
        found |= checkpoint.below("best/", arrays(self.best))
        for player in self.players:
            for index, optimizer in enumerate(player.optimizers):
                prefix = f"optimizer/{player.name}/{index}/"
                found |= checkpoint.below(prefix, arrays(optimizer.state()))
        return found

    # --- what can go wrong ------------------------------------------------------------------------

    def _interrupted(self) -> None:
        self.save()
        write_history(self.run_dir.history, self.state.history)
        state, path = self.state, str(self.run_dir.path)
        raise DlspecError(Interrupted(None, state.all_steps, state.all_epochs + 1, path))

    def _check_weights(self) -> None:
        import torch

        floats = {n: t for n, t in self.program.tensors.items() if t.is_floating_point()}
        finite = (
            torch.stack([torch.isfinite(t.detach()).all() for t in floats.values()]).cpu().tolist()
        )
        for name, fine in zip(floats, finite, strict=True):
            if not fine:
                self._not_finite(f"`{name}`", math.nan, self.state.step)

    def _not_finite(self, what: str, value: float, step: int) -> None:
        kept = self.run_dir.checkpoint
        text = "NaN" if math.isnan(value) else "infinite"
        there = str(kept) if kept.exists() else None
        step, epoch = self.state.steps_before + step, self.state.all_epochs + 1
        raise DlspecError(NotFinite(self.plan.span, what, text, step, epoch, there))

    # --- telling ----------------------------------------------------------------------------------

    def note(self, diagnostic: Diagnostic) -> None:
        """Tell a warning."""
        self.say(Noted(diagnostic))

    def _tell(self) -> None:
        state = self.state
        rate = self._samples() / max(state.epoch_seconds, 1e-9)
        name = self.players[0].name
        loss = state.loss_sums[name] / state.loss_counts[name]
        left = self._seconds_left()
        self.say(
            Progressed(state.epoch + 1, state.position, self.rounds, state.step, loss, rate, left)
        )

    def _samples(self) -> int:
        """Examples that were learnt from in this epoch."""
        batches = self.state.position * self._stride * self.plan.accumulate
        return min(batches, max(self.feed.per_epoch, self._stride)) * self.feed.size

    def _total_steps(self) -> int | None:
        ends = [self.limits.steps, self.limits.epochs and self.limits.epochs * self.rounds]
        return min((e for e in ends if e is not None), default=None)

    def _seconds_left(self) -> float | None:
        total, done = self._total_steps(), self.state.step - self._began_step
        if total is None or not done:
            return None
        return (total - self.state.step) * (time.perf_counter() - self._began) / done


def feeds(program: Program, seed: int, memory: int) -> Callable[[Dataset, str], Feed]:
    plan = program.plan

    def make(dataset: Dataset, part: str) -> Feed:
        fields, device = program.fields, program.device
        return Feed(
            dataset,
            fields,
            plan.batch,
            seed,
            device,
            memory,
            part,
            plan.span,
            plan.buckets,
            program.rooms,
        )

    return make


def check_plan(plan: RecipePlan, splits: Splits, limits: Limits) -> None:
    """Refuse a recipe that cannot end, learn or be watched.

    Raises:
        DlspecError: DL400, DL401, DL402, DL410.
    """
    if not any(g.parameters for s in plan.steps for g in s.groups):
        raise DlspecError(NothingLearns(plan.span, plan.name))
    if limits.epochs is None and limits.steps is None and plan.stop is None:
        raise DlspecError(NoEnd(plan.span, plan.name))
    if plan.stop is None:
        return
    watch = plan.stop.watch
    validated = [f"validation.{n}" for n in measured_names(plan)]
    if watch in validated and splits.validation is None:
        raise DlspecError(NothingToValidate(plan.span, watch))
    alone = len(plan.steps) == 1
    known = ["train.loss"] if alone else [f"train.{s.name}.loss" for s in plan.steps]
    known += validated
    if watch not in known:
        raise DlspecError(
            UnknownWatch(plan.span, watch, ", ".join(known), did_you_mean(watch, known))
        )
