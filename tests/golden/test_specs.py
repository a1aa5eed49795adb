"""Each small spec in ``specs/<case>.dl`` means what ``<case>.graph`` says: graphs, plans and keys.

Every network is printed; of a recipe, the learning graph of each step and what its goals are over.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlspec.diagnostics import Sink
from dlspec.diagnostics.render import render
from dlspec.ir.plan import RecipePlan
from dlspec.ir.printer import graph_text
from dlspec.ir.validate import validate
from dlspec.sema.analyse import Spec, analyse
from dlspec.source import SourceFile
from dlspec.syntax import format_source
from dlspec.targets.torch_source import module_source

HERE = Path(__file__).parent
CASES = sorted((HERE / "specs").glob("*.dl"))
SKETCHES = sorted((HERE / "sketches").glob("*.dl"))
each_case = pytest.mark.parametrize("case", CASES, ids=lambda p: p.stem)


def meaning(text: str, name: str = "spec.dl") -> Spec:
    """What a spec without mistakes means."""
    sink = Sink()
    settings = dict(re.findall(r"^# --set ([\w.]+)=(.*)$", text, re.M))
    spec = analyse(SourceFile(name, text), sink, folder=HERE / "specs", overrides=settings)
    assert not sink.diagnostics, "\n".join(render(d, colour=False) for d in sink.diagnostics)
    return spec


def spec_text(spec: Spec) -> str:
    """Everything that later phases are given, without places."""
    parts: list[str] = []
    for network in spec.networks.values():
        validate(network.graph)
        settings = "".join(f" {k}={v}" for k, v in network.settings.items())
        parts.append(f"network {network.name}{settings}\n{graph_text(network.graph)}")
        for engine in network.engines:
            bounds = ", ".join(f"{k} = {a}..{b}" for k, (a, b) in engine.bounds.items())
            targets = ", ".join(f"{t.kind}({t.precision})" for t in engine.targets)
            tail = f" outputs={engine.outputs} tolerance={engine.tolerance}"
            parts.append(f"engine {engine.name}: {targets}; {bounds}{tail}\n")
        for check in network.checks:
            parts.append(f"check {check.kind} {check.output} {check.comparison} {check.expected}\n")
    parts += [recipe_text(recipe) for recipe in spec.recipes.values()]
    parts += [f"{re.sub(r', span=.*?[)]', ')', str(data))}\n" for data in spec.data.values()]
    return re.sub(r"  # \S+\.dl:\d+$", "", "\n".join(parts), flags=re.M)


def recipe_text(recipe: RecipePlan) -> str:
    """A recipe's numbers, groups and graphs."""
    numbers = f"batch={recipe.batch} epochs={recipe.epochs} steps={recipe.max_steps}"
    lines = [f"recipe {recipe.name} {numbers} metrics={','.join(recipe.metrics)}"]
    for step in recipe.steps:
        validate(step.learn)
        validate(step.evaluate)
        for group in step.groups:
            shown = ", ".join(f"{k}={v}" for k, v in group.optimizer.settings.items())
            keys = " ".join(group.parameters)
            lines.append(
                f"step {step.name} x{step.times}: {group.optimizer.kind}({shown}) on {keys}"
            )
        lines.append(graph_text(step.learn))
        lines.append(f"evaluate: {' '.join(o.name for o in step.evaluate.outputs)}")
    return "\n".join(lines) + "\n"


@each_case
def test_meaning(case: Path, request: pytest.FixtureRequest) -> None:
    text = spec_text(meaning(case.read_text(encoding="utf-8"), case.name))
    expected = case.with_suffix(".graph")
    if request.config.getoption("--update-golden"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@each_case
def test_meaning_is_a_function_of_the_text(case: Path) -> None:
    text = case.read_text(encoding="utf-8")
    first = spec_text(meaning(text))
    assert spec_text(meaning(text)) == first
    assert spec_text(meaning(format_source(text))) == first


@each_case
def test_source_can_be_emitted(case: Path) -> None:
    spec = meaning(case.read_text(encoding="utf-8"))
    for network in spec.networks.values():
        compile(module_source(network.name, {"engine": network.graph}), case.name, "exec")
    for recipe in spec.recipes.values():
        for step in recipe.steps:
            graphs = {"learn": step.learn, "evaluate": step.evaluate}
            compile(module_source(step.name, graphs), case.name, "exec")


@pytest.mark.parametrize("sketch", SKETCHES, ids=lambda p: p.stem)
def test_sketch_ends_with_diagnostics_only(sketch: Path, request: pytest.FixtureRequest) -> None:
    """The systems of the lecture: what is not supported yet is said once, and nothing follows."""
    sink = Sink()
    source = SourceFile(sketch.name, sketch.read_text(encoding="utf-8"))
    analyse(source, sink, folder=sketch.parent)
    told = "".join(
        f"{d.code} {d.span.line if d.span else 0}: {d.message}\n" for d in sink.diagnostics
    )
    expected = sketch.with_suffix(".told")
    if request.config.getoption("--update-golden"):
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8")


COMPILES = {
    "09_fractal": ["fractalnet"],
    "11_googlenet": ["googlenet"],
    "12_highway": ["deep"],
    "15_vae": ["encoder", "decoder", "vae"],
    "16_dcgan": ["generator", "discriminator"],
    "17_rl": ["q_network", "policy"],
    "22_siamese": ["encoder", "siamese"],
    "vgg": ["vgg"],
}


@pytest.mark.parametrize("name", COMPILES)
def test_networks_of_sketches_compile(name: str) -> None:
    sketch = HERE / "sketches" / f"{name}.dl"
    source = SourceFile(sketch.name, sketch.read_text(encoding="utf-8"))
    spec = analyse(source, Sink(), folder=sketch.parent)
    assert list(spec.networks) == COMPILES[name]
    for network in spec.networks.values():
        validate(network.graph)
        compile(module_source(network.name, {"engine": network.graph}), name, "exec")
