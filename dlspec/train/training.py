"""`train`: set up, resume or start, learn, measure, and hand the weights over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlspec.data.dataset import Array, Splits
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.train import (
    EarlierRunKept,
    NothingToResume,
    RecipeChanged,
    ResumeDiffers,
    ResumeOrBegin,
    RunWasFinished,
)
from dlspec.ir.plan import RecipePlan
from dlspec.train import checkpoint
from dlspec.train.checkpoint import RunState
from dlspec.train.curves import draw_curves
from dlspec.train.events import (
    Event,
    Finished,
    Listener,
    Noted,
    StageEnded,
    Started,
    WeightsLoaded,
)
from dlspec.train.fingerprint import changes, environment, recipe_fingerprint
from dlspec.train.loading import Loaded, load_all, missing_sources, topic_of
from dlspec.train.log import log_line
from dlspec.train.lsuv import begin_by_data
from dlspec.train.machine import Choice, device_of, kept_settings, probe
from dlspec.train.options import TrainOptions, TrainResult, hash_weights
from dlspec.train.program import Program, by_network, program_of
from dlspec.train.progress import progress_for
from dlspec.train.rundir import RunDir
from dlspec.train.session import Limits, Session, check_plan, feeds
from dlspec.train.start_weights import fitting, read_weights
from dlspec.train.unsayable import unsayable_texts

if TYPE_CHECKING:
    import torch


def train(
    plan: RecipePlan,
    splits: Splits,
    options: TrainOptions,
    *,
    on_event: Listener | None = None,
) -> TrainResult:
    """Carry a recipe out on data.

    The run lies in ``options.run_dir``: checkpoint, history, curves, log, and the PyTorch source
    that is trained. With ``options.resume`` it goes on from the checkpoint; under the same
    threads, precision, instruction set, device and versions the weights come out bit-identical to
    those of a run that was never stopped.

    Raises:
        DlspecError: DL400 to DL410 for a recipe that cannot be carried out, DL690 to DL699 for
            what happens to a run.
    """
    if options.resume and options.init_from is not None:
        raise DlspecError(ResumeOrBegin(None))
    device = device_of(options.device)
    seed = plan.seed if options.seed is None else options.seed
    with RunDir(options.run_dir) as run, kept_settings(), progress_for(options.quiet) as display:

        def say(event: Event) -> None:
            line = log_line(event)
            if line:
                run.log(line)
            display(event)
            if on_event:
                on_event(event)

        try:
            return _train(plan, splits, options, run, seed, device, say)
        except DlspecError as error:
            for diagnostic in error.diagnostics:
                run.log(diagnostic.message)
            raise


def _train(
    plan: RecipePlan,
    splits: Splits,
    options: TrainOptions,
    run: RunDir,
    seed: int,
    device: torch.device,
    say: Listener,
) -> TrainResult:
    saved = _saved(run, options, say)
    fields = sorted({i.name for s in plan.all_steps for i in s.learn.inputs if i.origin != "noise"})
    known = [f for f in fields if f in splits.train.fields]
    recipe = recipe_fingerprint(plan, seed, splits.train, known) if len(splits.train) else {}
    loaded = _loaded(plan, options, saved, recipe)
    if saved is not None:
        differing = changes(saved[0].recipe, recipe)
        if differing:
            raise DlspecError(RecipeChanged(plan.span, str(run.path), "; ".join(differing)))
    elif run.set_aside():
        say(Noted(EarlierRunKept(None, str(run.path))))

    program = program_of(plan, run.source, seed, device)
    for part in plan.stages:
        epochs = part.epochs if options.epochs is None else options.epochs
        check_plan(part, splits, Limits(epochs, part.max_steps))

    def open_stage(number: int) -> Session:
        return Session(program.part(number), splits, options, run, seed, say)

    session = open_stage(0 if saved is None else saved[0].stage)
    choice = choose(session, options, saved)
    here = environment(device, choice.threads, choice.matmul)
    if saved is not None:
        session.restore(*saved)
        differing = changes(saved[0].environment, here)
        if differing:
            say(Noted(ResumeDiffers(None, "; ".join(differing))))
        if saved[0].stage + 1 == len(plan.parts) and session.limits.reached(session.state):
            say(Noted(RunWasFinished(None, str(run.path), session.state.all_epochs)))
    else:
        if plan.init == "lsuv" and options.init_from is None:
            feed = feeds(program, seed, session.memory)(splits.train, "training")
            run.log(begin_by_data(program, next(feed.learn(0, 0)), seed))
        for found in loaded:
            program.load(found.weights)
            say(WeightsLoaded(found.line))
            if found.warning is not None:
                say(Noted(found.warning))
        if options.init_from is not None:
            _begin_from(program, options.init_from, say)
    state = session.state
    state.recipe, state.environment, state.probe = recipe, here, choice.as_json()

    say(
        Started(
            recipe=plan.name,
            device=here["device"],
            threads=choice.threads,
            matmul=choice.matmul,
            precision=plan.precision,
            parameters=sum(p.numel() for p in program.parameters.values()),
            examples=session.feed.examples,
            epochs=session.limits.epochs,
            steps_per_epoch=session.rounds,
            step=state.all_steps,
            resident=session.feed.resident,
        )
    )
    try:
        while True:
            if plan.stages:
                say(session.began(session.state.stage + 1, len(plan.stages)))
            for step in session.plan.steps:
                if (warning := unsayable_texts(step.learn, session.feed)) is not None:
                    say(Noted(warning))
            reason = session.run()
            following = session.state.stage + 1
            if following == len(plan.parts):
                break
            say(StageEnded(session.plan.name, reason))
            earlier, session = session, open_stage(following)
            session.follow(earlier)
    finally:
        draw_curves(run.curves, plan, session.state.history, session.state.best_epoch)
    result = _result(plan, session, run)
    say(Finished(result, reason))
    return result


def _loaded(
    plan: RecipePlan,
    options: TrainOptions,
    saved: tuple[RunState, dict[str, Array]] | None,
    recipe: dict[str, str],
) -> list[Loaded]:
    """What the recipe loads; its content joins what may not change. A run that goes on has it
    already, so there the sources may be gone."""
    if saved is not None and missing_sources(plan, options.folder):
        known = saved[0].recipe
        recipe |= {t: known[t] for t in map(topic_of, plan.loads) if t in known}
        return []
    loaded = load_all(plan, options.folder)
    recipe |= {found.topic: found.content for found in loaded}
    return loaded


def _saved(
    run: RunDir, options: TrainOptions, say: Listener
) -> tuple[RunState, dict[str, Array]] | None:
    if not options.resume:
        return None
    if not run.checkpoint.exists():
        say(Noted(NothingToResume(None, str(run.path))))
        return None
    return checkpoint.load(run.checkpoint)


def choose(
    session: Session, options: TrainOptions, saved: tuple[RunState, dict[str, Array]] | None
) -> Choice:
    """The settings of the run's first session, or those that a probe chooses, put in force."""
    if saved is not None and saved[0].probe:
        kept = Choice(**saved[0].probe)
        choice = Choice(options.threads or kept.threads, options.matmul or kept.matmul)
        choice.apply()
        return choice
    program, player = session.program, session.players[0]
    before = {
        n: t.detach().clone() for n, t in program.tensors.items() if n not in program.parameters
    }
    batch = next(session.feed.learn(0, 0))

    def turn() -> None:
        player.loss(batch, 0).backward()  # type: ignore[no-untyped-call]
        player.forget()

    choice = probe(turn, program.device, threads=options.threads, matmul=options.matmul)
    for name, value in before.items():
        program.tensors[name].copy_(value)
    return choice


def _begin_from(program: Program, path: Path, say: Listener) -> None:
    wanted = {n: tuple(t.shape) for n, t in program.tensors.items()}
    weights, warning = fitting(program.plan, read_weights(path), wanted, path)
    program.load(weights)
    if warning is not None:
        say(Noted(warning))


def _result(plan: RecipePlan, session: Session, run: RunDir) -> TrainResult:
    """The weights that count, measured once more, on the test examples too."""
    program, state = session.program, session.state
    session.settle()
    metrics: dict[str, float] = {}
    for part, measure in (("validation", session.measure), ("test", session.test_measure)):
        if measure:
            metrics |= {f"{part}.{n}": v for n, v in measure().items()}
    weights = program.weights()
    samples = sum(r["samples_per_s"] for r in state.history) / max(1, len(state.history))
    return TrainResult(
        weights=by_network(plan, weights),
        metrics=metrics,
        weight_hash=hash_weights(weights),
        epochs=state.all_epochs,
        steps=state.all_steps,
        best_epoch=state.best_epoch,
        seconds=state.learning_seconds,
        samples_per_s=samples,
        run_dir=run.path,
        history=list(state.history),
    )
