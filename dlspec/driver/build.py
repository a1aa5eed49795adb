"""From a network with its weights to a published bundle: emit, build each engine, verify it,
publish all or nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec import __version__
from dlspec.bundle import BundleWriter
from dlspec.bundle.manifest import EngineRecord, Manifest, SpecSource
from dlspec.bundle.reader import GoldenCase, trained_weights
from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.internal import NothingToDo, TrainedOtherwise, TrainedWeightsStay
from dlspec.driver.emission import Emitted, input_specs, output_specs, write_sources
from dlspec.ir.graph import Graph, pruned
from dlspec.ir.least import least_sizes
from dlspec.ir.plan import EnginePlan, NetworkPlan, TargetPlan
from dlspec.sema.engine import default_engine
from dlspec.source import SourceFile

if TYPE_CHECKING:
    import onnx

    from dlspec.verify.result import Verification
    from dlspec.verify.study import Study

Array = NDArray[Any]
Say = Callable[[str], None]
WRITTEN = "written in the spec"
WHOLE_LIMIT = 64 * 2**20
"""Bytes of weights up to which ONNX Runtime gets a model whole, and saves it optimised. Beyond,
the bundle would hold the weights twice: all engines read those beside `model.onnx`."""


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    Attributes:
        out: the folder that holds `<network>/<version>/`.
        targets: build only these kinds of engine; None builds what the spec says.
        use_torch: whether PyTorch takes part in verification; None: where it is installed.
        fast: prove with the golden inputs only, for development; the bundle says so.
        seed: of fresh weights and of verification's inputs.
    """

    out: Path
    targets: Collection[str] | None = None
    use_torch: bool | None = None
    fast: bool = False
    seed: int = 0


@dataclass
class Built:
    """A published bundle, and what was found on the way."""

    network: str
    folder: Path
    manifest: Manifest
    engines: list[EngineResult]
    warnings: list[Diagnostic] = field(default_factory=list[Diagnostic])


@dataclass
class EngineResult:
    """An engine as built and, where this machine runs it, verified."""

    record: EngineRecord
    verification: Verification | None
    seconds: float


def fresh_or_trained(
    plan: NetworkPlan, options: BuildOptions, spec: str
) -> tuple[dict[str, Array], Manifest | None]:
    """The weights that `compile` uses: those of the current bundle if it is trained, else fresh
    ones.

    Raises:
        DlspecError: DL906 if the current bundle is trained and its weights do not fit the graph.
    """
    from dlspec.randomness import initial_weights

    found = None if is_written(plan) else trained_weights(options.out / plan.name)
    if found is None or found[0].training.get("weights") == WRITTEN:
        return initial_weights(plan.graph, options.seed), None
    manifest, weights = found
    wanted = {w.name: tuple(d.value for d in w.type.shape) for w in plan.graph.weights}
    have = {name: tuple(array.shape) for name, array in weights.items()}
    if wanted != have:
        missing = [n for n in wanted if n not in have]
        other = [n for n in have if n not in wanted]
        changed = [n for n in wanted if n in have and wanted[n] != have[n]]
        parts = [
            f"{what} {', '.join(f'`{n}`' for n in names[:4])}{', …' if len(names) > 4 else ''}"
            for what, names in (
                ("no weights for", missing),
                ("left over", other),
                ("other shapes:", changed),
            )
            if names
        ]
        raise DlspecError(
            TrainedWeightsStay(None, str(options.out / plan.name), spec, "; ".join(parts))
        )
    return weights, manifest


def meaning_of(graph: Graph) -> str:
    """A hash of what a graph computes: its text without the places in the spec."""
    from dlspec.ir.printer import graph_text

    lines = [line.partition("  #")[0] for line in graph_text(graph).splitlines()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def kept_training(
    plan: NetworkPlan, kept: Manifest | None
) -> tuple[dict[str, Any] | None, Diagnostic | None]:
    """How kept weights were learnt, and a warning if the graph has changed since: then the metrics
    of that training say nothing of this one."""
    if kept is None:
        return None, None
    training = dict(kept.training)
    if training.get("graph", meaning_of(plan.graph)) == meaning_of(plan.graph):
        return training, None
    training.pop("metrics", None)
    return training, TrainedOtherwise(plan.span, plan.name)


def wanted_engines(
    plan: NetworkPlan, options: BuildOptions, recipe: str | None = None
) -> list[tuple[EnginePlan, TargetPlan]]:
    """The engines to build of a network: of one that learnt by a recipe those for the network and
    for that recipe, and the default one where all are for others.

    Raises:
        DlspecError: DL907 if the spec has none of the asked kinds: a bundle without an engine
            answers nothing.
    """
    engines = plan.engines
    if recipe is not None:
        engines = tuple(e for e in engines if e.recipe in (None, recipe))
        engines = engines or (default_engine(plan.graph),)
    every = [(engine, target) for engine in engines for target in engine.targets]
    kept = [(e, t) for e, t in every if options.targets is None or t.kind in options.targets]
    if every and not kept:
        asked = ", ".join(f"`{kind}`" for kind in options.targets or ())
        known = ", ".join(dict.fromkeys(t.kind for _, t in every))
        advice = f"its targets are {known}; add more in its `engine` block"
        raise DlspecError(NothingToDo(None, plan.name, f"engine for {asked}", advice))
    return kept


def is_written(plan: NetworkPlan) -> bool:
    """Whether every parameter is a literal of the spec: then there is nothing to learn, and the
    answers are no noise.
    """
    return all(p.init.kind == "literal" for p in plan.graph.parameters)


def build_network(
    plan: NetworkPlan,
    weights: Mapping[str, Array],
    source: SourceFile,
    options: BuildOptions,
    *,
    training: Mapping[str, Any] | None = None,
    examples: Sequence[Mapping[str, Array]] = (),
    history: Sequence[Mapping[str, float]] = (),
    words: Mapping[str, tuple[str, ...]] | None = None,
    say: Say = lambda text: None,
) -> Built:
    """Build and verify the engines of a network, and publish the bundle.

    Args:
        plan: the network.
        weights: its parameters and buffers by name.
        source: the spec, a copy of which goes along.
        options: what to build, and where to.
        training: how the weights were learnt (`recipe`, `epochs`, `metrics`, `seed`); None for
            fresh ones.
        examples: real inputs for verification.
        history: rows of the training, for the report.
        words: of the vocabularies that were made from the data, by name.
        say: told what is being done.

    Raises:
        DlspecError: DL7xx if an engine does not equal the model; nothing is published then.
    """
    if training is None and is_written(plan):
        training = {"weights": WRITTEN}
    engines = wanted_engines(plan, options, (training or {}).get("recipe"))
    with BundleWriter(options.out, plan.name) as bundle:
        emitted = write_sources(bundle, plan, weights, source)
        work = _Engines(plan, weights, options, bundle, emitted, examples, say)
        results = [work.build(engine, target) for engine, target in engines]
        golden = work.golden()
        if golden is not None:
            bundle.add_golden([golden])
        parameters = sum(
            int(np.prod([d.value or 0 for d in p.type.shape])) for p in plan.graph.parameters
        )
        versions: dict[str, str] = {}
        for result in results:
            versions |= dict(result.verification.versions) if result.verification else {}
        named = words or {}
        manifest = Manifest(
            plan.name,
            __version__,
            SpecSource(
                f"spec/{PurePath(source.name).name}",
                hashlib.sha256(source.text.encode()).hexdigest(),
            ),
            input_specs(plan, named),
            output_specs(plan.graph, named),
            tuple(r.record for r in results),
            training is not None,
            dict(training or {}),
            parameters=parameters,
            versions=versions,
            less=next((r.verification.less for r in results if r.verification), ""),
            least={s: n for s, n in least_sizes(plan.graph).items() if n > 1},
        )
        report = _report(plan, manifest, source, results, history, bundle.folder)
        bundle.add_text("report.html", report)
        folder = bundle.publish(manifest)
    from dlspec.bundle import read_manifest

    warnings = [
        d
        for r in results
        if r.verification
        for d in r.verification.diagnostics
        if d.severity == "warning"
    ]
    return Built(plan.name, folder, read_manifest(folder), results, list(dict.fromkeys(warnings)))


class _Engines:
    """Builds the engines of one network; references are made once for all of them."""

    def __init__(
        self,
        plan: NetworkPlan,
        weights: Mapping[str, Array],
        options: BuildOptions,
        bundle: BundleWriter,
        emitted: Emitted,
        examples: Sequence[Mapping[str, Array]],
        say: Say,
    ) -> None:
        self.plan = plan
        self.weights = weights
        self.options = options
        self.bundle = bundle
        self.emitted = emitted
        self.examples = examples
        self.say = say
        self.studies: dict[str, Study] = {}
        self.proved: set[int] = set()

    def study(self, engine: EnginePlan) -> Study:
        """References and bounds for the sizes of an engine, shared by its targets."""
        from dlspec.verify.study import Study

        key = repr(sorted(engine.bounds.items()))
        if key not in self.studies:
            self.studies[key] = Study(
                self.plan,
                self.weights,
                bounds=engine.bounds,
                examples=[_at_most(e, engine.bounds) for e in self.examples],
                golden=self.options.fast,
                seed=self.options.seed,
                model=self.emitted.model,
            )
        return self.studies[key]

    def build(self, engine: EnginePlan, target: TargetPlan) -> EngineResult:
        """Build one engine, and verify it where this machine runs it."""
        from dlspec.engines import builder

        started = perf_counter()
        self.say(f"building {engine.name} for {target.kind}")
        label = f"engines/{engine.name}/{_folder_name(target)}"
        model = self._model(engine, target, label)
        out = self.bundle.path(f"{label}/engine").parent
        made = builder(target.kind, target.span)
        place = self._given(target, model)
        built = made.build(place, engine, target, out)
        verification = None
        study = self.study(engine)
        outputs = engine.outputs or tuple(o.name for o in self.plan.graph.outputs)
        if built.status == "built":
            self.say(f"verifying {engine.name} on {target.kind}")
            runner = made.open(place, built, engine)
            verification = self._verify(engine, target, runner.run, study)
            verification.raise_if_failed()
            self.proved.add(id(study))
        elif id(study) not in self.proved:
            # no engine of these sizes runs here; the model that this one is built from is proved
            # all the same
            self.say(f"proving the model of {engine.name}")
            self._verify(engine, target, None, study).raise_if_failed()
            self.proved.add(id(study))
        status = built.status if verification is None else verification.status
        golden = study.limits(outputs, target.precision, engine.tolerance)
        record = EngineRecord(
            engine.name,
            target.kind,
            PurePath(built.file.relative_to(self.bundle.folder)).as_posix(),
            target.precision,
            model,
            status,  # type: ignore[arg-type]
            built.device,
            built.bounds,
            outputs,
            golden,
            verification.to_json() if verification is not None else {},
            {**built.options, "about": dict(built.about), "why": built.why},
            built.versions,
            target.fallback,
        )
        return EngineResult(record, verification, perf_counter() - started)

    def _verify(
        self, engine: EnginePlan, target: TargetPlan, run: Any, study: Study
    ) -> Verification:
        from dlspec.verify.engine import verify_network

        return verify_network(
            self.plan,
            self.weights,
            run,
            precision=target.precision,
            bounds=engine.bounds,
            tolerance=engine.tolerance,
            outputs=engine.outputs,
            use_torch=self.options.use_torch,
            golden=self.options.fast,
            seed=self.options.seed,
            engine=f"{engine.name} ({target.kind})",
            model=self.emitted.model,
            study=study,
            rebuild=self._session if target.kind == "onnxruntime" and run is not None else None,
        )

    def _session(self, model: onnx.ModelProto) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
        """The engine of another model, to find the node where the optimised one goes wrong. For a
        moment the model stands beside the weights that it reads."""
        from dlspec.runtime.ort import OrtEngine

        place = self.bundle.path("prefix.onnx")
        place.write_bytes(model.SerializeToString())
        try:
            return OrtEngine(place, name="prefix").run
        finally:
            place.unlink()

    def _model(self, engine: EnginePlan, target: TargetPlan, label: str) -> str:
        """The ONNX model to build from: the bundle's own, or one with fewer outputs or another
        precision beside the engine.
        """
        if engine.outputs is None and target.precision == "float32":
            return "model.onnx"
        from dlspec.targets.onnx import legalize, onnx_from_graph

        graph = self.plan.graph
        if engine.outputs is not None:
            graph = _with_outputs(graph, engine.outputs)
        if target.precision == "float32" and not self._is_small:
            name = f"model-{engine.name}.onnx"  # beside the weights that it shares
            light = onnx_from_graph(graph, self.weights, places=self.emitted.places)
            self.bundle.add_bytes(name, light.SerializeToString())
            return name
        model = onnx_from_graph(graph, self.weights)
        name = f"{label}/source.onnx"
        self.bundle.add_bytes(name, legalize(model, target.precision).model.SerializeToString())
        return name

    def _given(self, target: TargetPlan, model: str) -> Path | bytes:
        """What a builder reads. ONNX Runtime saves its optimised model elsewhere, from where
        weights beside `model.onnx` are out of its reach, so it gets them inside a small model."""
        if target.kind in ("onnxruntime", "cuda") and model == "model.onnx" and self._is_small:
            from dlspec.targets.onnx import onnx_from_graph

            return onnx_from_graph(self.plan.graph, self.weights).SerializeToString()
        return self.bundle.path(model)

    @property
    def _is_small(self) -> bool:
        return sum(a.nbytes for a in self.weights.values()) < WHOLE_LIMIT

    def golden(self) -> GoldenCase | None:
        """Inputs and exact answers that prove an engine on another machine."""
        if not self.studies:
            return None
        from dlspec.verify.discrete import decided

        study = next(iter(self.studies.values()))
        case = study.cases[0]
        exact = study.reference(case)
        outputs = {n: exact.values[v.name] for n, v in study.outputs.items()}
        masks: dict[str, Array] = {}
        for name, choice in study.decisions.items():
            if choice is not None:
                score = choice.score.name
                masks[name] = np.asarray(decided(choice, exact.values[score], exact.bounds[score]))
        return GoldenCase({k: np.asarray(v) for k, v in case.inputs.items()}, outputs, masks)


def _at_most(
    example: Mapping[str, Array], bounds: Mapping[str, tuple[int, int]]
) -> Mapping[str, Array]:
    """As many real examples as the engine takes at once."""
    most = bounds["N"][1] if "N" in bounds else None
    return {name: array[:most] for name, array in example.items()}


def _folder_name(target: TargetPlan) -> str:
    return target.kind if target.precision == "float32" else f"{target.kind}-{target.precision}"


def _with_outputs(graph: Graph, names: Sequence[str]) -> Graph:
    return pruned(graph, [graph.output(n) for n in names])


def _report(
    plan: NetworkPlan,
    manifest: Manifest,
    source: SourceFile,
    results: Sequence[EngineResult],
    history: Sequence[Mapping[str, float]],
    folder: Path,
) -> str:
    from dlspec.verify.report import report_html

    written = (p for p in sorted(folder.rglob("*")) if p.is_file())
    files = {
        p.relative_to(folder).as_posix(): {"size": p.stat().st_size}
        for p in written
        if not p.name.startswith(".")
    }
    return report_html(
        plan,
        source.text,
        [r.verification for r in results if r.verification is not None],
        manifest={**dataclasses.asdict(manifest), "files": files},
        history=history,
    )
