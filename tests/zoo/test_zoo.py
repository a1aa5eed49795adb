"""Every spec of `specs/`: it means what it says, is built and verified in its small setting, and
learns; the full-size systems are built too (`-m slow`)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlspec.data.dataset import Splits
from dlspec.diagnostics import Sink
from dlspec.diagnostics.meaning import CheckedCount
from dlspec.diagnostics.render import render
from dlspec.driver.build import BuildOptions, build_network
from dlspec.driver.files import read_spec
from dlspec.ir.plan import NetworkPlan
from dlspec.randomness import initial_weights
from dlspec.sema.analyse import Spec, analyse
from dlspec.source import SourceFile
from dlspec.syntax import format_source

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / "specs").glob("*.dl"))
LIBRARY = sorted((ROOT / "specs" / "library").glob("*.dl"))
COUNTED = [p for p in SPECS if ".parameters ==" in p.read_text(encoding="utf-8")]
EMOJI = [p for p in SPECS if "on emoji(" in p.read_text(encoding="utf-8")]


def name_of(path: Path) -> str:
    return path.stem


def meaning(source: SourceFile, **settings: str) -> tuple[Spec, Sink]:
    """A spec of `specs/` and what was said of it."""
    sink = Sink()
    return analyse(source, sink, folder=ROOT / "specs", overrides=settings), sink


def whole(path: Path, **settings: str) -> Spec:
    """A spec without mistakes or warnings."""
    spec, sink = meaning(read_spec(path), **settings)
    assert not sink.diagnostics, "\n".join(render(d, colour=False) for d in sink.diagnostics)
    return spec


def assert_builds(plan: NetworkPlan, spec: Spec, folder: Path, *, fast: bool) -> None:
    """A network with fresh weights becomes a bundle: verified on the CPU, planned for the GPU."""
    options = BuildOptions(folder, use_torch=False, fast=fast)
    built = build_network(plan, initial_weights(plan.graph), spec.source, options)
    found = {e.record.target: e.record.status for e in built.engines}
    status = {"onnxruntime": "verified", "tensorrt_rtx": "awaits-device"}
    asked = {target.kind for engine in plan.engines for target in engine.targets}
    assert "onnxruntime" in asked and found == {kind: status[kind] for kind in asked}


@pytest.mark.parametrize("path", SPECS, ids=name_of)
def test_checks_hold_and_nothing_is_said(path: Path) -> None:
    spec = whole(path)
    assert spec.networks
    assert "http" not in path.read_text(encoding="utf-8")  # papers by name and year


@pytest.mark.parametrize("path", [*SPECS, *LIBRARY], ids=name_of)
def test_specs_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#")  # what it is, and where it comes from
    assert format_source(text) == text


@pytest.mark.parametrize("path", COUNTED, ids=name_of)
def test_counts_are_checked(path: Path) -> None:
    """Each number of parameters, off by one, is told."""
    text = path.read_text(encoding="utf-8")
    pattern = r"(\.parameters == )(\d+)"
    wrong = re.sub(pattern, lambda m: m[1] + str(int(m[2]) + 1), text)
    _, sink = meaning(SourceFile(path.name, wrong))
    told = [d for d in sink.errors if isinstance(d, CheckedCount)]
    assert len(told) == len(re.findall(pattern, text)) == len(sink.errors)


PUBLISHED = [
    ("alexnet", "alexnet()", 61_100_840),
    ("vgg", "vgg()", 143_667_240),
    ("googlenet", "googlenet()", 6_624_904),
    ("resnet", "resnet([2, 2, 2, 2], deep = false)", 11_689_512),
    ("resnet", "resnet([3, 4, 6, 3], deep = false)", 21_797_672),
    ("resnet", "resnet([3, 4, 6, 3])", 25_557_032),
    ("resnet", "resnet([3, 4, 23, 3])", 44_549_160),
    ("resnet", "resnet([3, 8, 36, 3])", 60_192_808),
    ("densenet", "densenet()", 7_978_856),
]


@pytest.mark.parametrize(("name", "call", "count"), PUBLISHED, ids=lambda v: str(v))
def test_published_counts_are_in_the_specs(name: str, call: str, count: int) -> None:
    text = (ROOT / "specs" / f"{name}.dl").read_text(encoding="utf-8")
    assert f"check {call}.parameters == {count}" in text


@pytest.mark.parametrize("path", SPECS, ids=name_of)
def test_small_settings_are_built(path: Path, tmp_path: Path) -> None:
    """Verified by golden inputs and checks; `-m slow` proves them whole."""
    spec = whole(path)
    for plan in spec.networks.values():
        assert_builds(plan, spec, tmp_path, fast=True)


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=name_of)
def test_small_settings_are_proved(path: Path, tmp_path: Path) -> None:
    spec = whole(path)
    for plan in spec.networks.values():
        assert_builds(plan, spec, tmp_path, fast=False)


@pytest.mark.parametrize("path", EMOJI, ids=name_of)
def test_small_settings_learn(path: Path, tmp_path: Path) -> None:
    """A few steps: finite losses, every parameter moved or without a say yet."""
    from dlspec.data import open_data
    from dlspec.train import TrainOptions, train

    recipe = whole(path).recipes["small"]
    assert recipe.data is not None
    data = open_data(recipe.data, folder=tmp_path)
    few = Splits(data.train.subset(np.arange(16)), None, None)
    plan = replace(recipe, epochs=None, max_steps=3, batch=8)
    options = TrainOptions(run_dir=tmp_path / "run", threads=1, matmul="highest", quiet=True)
    result = train(plan, few, options)
    assert result.steps == 3 and np.isfinite(result.history[-1]["train.loss"])
    begun = initial_weights(plan.steps[0].learn, prefix=f"{next(iter(plan.networks))}.")
    network, *_ = result.weights
    moved = [
        not np.array_equal(begun[f"{network}.{name}"], array)
        for name, array in result.weights[network].items()
        if f"{network}.{name}" in begun
    ]
    assert np.mean(moved) > 0.9


FULL = [
    ("alexnet", {}),
    ("vgg", {}),
    ("googlenet", {"narrow": "1"}),
    ("resnet", {"layers": "[2, 2, 2, 2]"}),
    ("resnet", {"layers": "[3, 4, 6, 3]", "deep": "true"}),
    ("resnet", {"layers": "[3, 8, 36, 3]", "deep": "true"}),
    ("densenet", {"counts": "[6, 12, 24, 16]", "growth": "32"}),
]
WIDE = {
    "alexnet": {"width": "64", "units": "4096"},
    "vgg": {"counts": "[2, 2, 4, 4, 4]", "width": "64", "units": "4096"},
    "resnet": {"width": "64"},
}


def full_size(name: str, settings: dict[str, str]) -> Spec:
    """The settings of a published system, given from outside as its spec's header says."""
    given = {"size": "224", "classes": "vocabulary(0..999)"} | WIDE.get(name, {}) | settings
    return whole(ROOT / "specs" / f"{name}.dl", **given)


@pytest.mark.parametrize(("name", "settings"), FULL, ids=lambda v: "".join(map(str, v)))
def test_full_size_can_be_set_from_outside(name: str, settings: dict[str, str]) -> None:
    plan = full_size(name, settings).networks[name]
    count = sum(int(np.prod([d.value for d in p.type.shape])) for p in plan.graph.parameters)
    assert count in [c for n, _, c in PUBLISHED if n == name]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "settings"), FULL, ids=lambda v: "".join(map(str, v)))
def test_full_size(name: str, settings: dict[str, str], tmp_path: Path) -> None:
    """The published systems at 224 x 224, built and verified."""
    spec = full_size(name, settings)
    assert_builds(spec.networks[name], spec, tmp_path, fast=False)


def test_the_table_of_specs_is_what_was_measured() -> None:
    from tests.bench.bench_zoo import RESULTS, SYSTEMS, table

    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
    assert table(rows) in text
    for name in SYSTEMS.keys() - {r["system"] for r in rows}:
        assert re.search(rf"Not measured yet: .*\b{name}\b", text)
