"""`load … from`: whole networks and parts, by path below the part; what is missing is said, and a
changed source is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dlspec.data import open_data
from dlspec.diagnostics import DlspecError, Sink
from dlspec.driver import open_spec
from dlspec.driver.build import BuildOptions
from dlspec.driver.training import train_recipe
from dlspec.ir.plan import RecipePlan
from dlspec.randomness import initial_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.train import TrainOptions, TrainResult, train
from dlspec.train.events import Event, Noted, WeightsLoaded
from tests.train.recipes import CLASSES, FEATURES, dataset

DATA = f"""
data points {{
    file = npz("points.npz")
    output x: float[N, {FEATURES}] = file.x
    output label: int[N] = file.label
}}
block trunk(x) {{
    first = dense(8)
    second = dense(6)
    return x -> first -> batch_norm -> relu -> second -> relu
}}
"""
SMALL = f"""{DATA}
network pretrained {{
    input x: float[N, {FEATURES}]
    encoder = trunk()
    head = dense(2)
    output y = x -> encoder -> head
}}
recipe before for pretrained on points {{
    minimize mse(y, 0) with adam(0.01)
    batch = 20; epochs = 1
}}
"""
NET = f"""{DATA}
network net {{
    input x: float[N, {FEATURES}]
    encoder = trunk()
    head = dense({CLASSES})
    output logits = x -> encoder -> head
}}
recipe learn for net on points {{
    LOAD
    minimize cross_entropy(logits, label) over net.head with adam(0.01)
    batch = 20; epochs = 2
}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    points = dataset(120)
    np.savez(tmp_path / "points.npz", x=points["x"], label=points["label"])
    return tmp_path


def plan_of(load: str) -> RecipePlan:
    sink = Sink()
    spec = analyse(SourceFile("net.dl", NET.replace("LOAD", load)), sink)
    assert not sink.diagnostics, [d.message for d in sink.diagnostics]
    return spec.recipes["learn"]


def learnt(
    plan: RecipePlan, folder: Path, name: str = "run", **more: object
) -> tuple[TrainResult, list[Event]]:
    assert plan.data is not None
    heard: list[Event] = []
    chosen = {
        "run_dir": folder / name,
        "quiet": True,
        "threads": 1,
        "matmul": "highest",
        "folder": folder,
    }
    splits = open_data(plan.data, folder=folder)
    result = train(plan, splits, TrainOptions(**(chosen | more)), on_event=heard.append)  # type: ignore[arg-type]
    return result, heard


def error_of(plan: RecipePlan, folder: Path, **more: object) -> object:
    with pytest.raises(DlspecError) as error:
        learnt(plan, folder, **more)
    return error.value.diagnostics[0]


def saved(folder: Path, name: str, **change: np.ndarray) -> dict[str, np.ndarray]:
    """Weights of `net`'s shapes with other values, as a safetensors file."""
    plan = plan_of("")
    drawn = initial_weights(plan.steps[0].learn, 9, "net.")
    weights = {k.removeprefix("net."): a for k, a in drawn.items()} | change
    save_file(weights, folder / name)
    return weights


# --- bundles --------------------------------------------------------------------------------------


def test_a_part_begins_as_a_trained_bundle_left_it(folder: Path) -> None:
    """The encoder of one network goes into another, and stays as it is where it is frozen."""
    (folder / "small.dl").write_text(SMALL)
    options = TrainOptions(run_dir=folder / "before", quiet=True, threads=1, matmul="highest")
    small = open_spec(folder / "small.dl")
    build = BuildOptions(out=folder / "build")
    (built,) = train_recipe(small, small.recipe(), options, build).bundles
    there = load_file(built.folder / "weights.safetensors")

    text = NET.replace("LOAD", 'load net.encoder from "build/pretrained"')
    (folder / "net.dl").write_text(text)
    spec = open_spec(folder / "net.dl")
    options = TrainOptions(run_dir=folder / "after", quiet=True, threads=1, matmul="highest")
    result = train_recipe(spec, spec.recipe(), options, build).result
    net = result.weights["net"]
    encoder = [k for k in there if k.startswith("encoder.")]
    assert len(encoder) == 8
    for key in encoder:
        np.testing.assert_array_equal(net[key], there[key])
    assert (
        "loaded all 8 weights of net.encoder from build/pretrained"
        in (folder / "after" / "log").read_text()
    )

    damaged = built.folder / "weights.safetensors"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(DlspecError) as error:
        train_recipe(spec, spec.recipe(), options, build)
    assert error.value.diagnostics[0].code in ("DL634", "DL638")


# --- by name --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "rename"),
    [
        ('load net.encoder from "w.safetensors"', {"": ""}),  # the layer lies in the source
        ('load net.encoder from "w.safetensors"', {"encoder.": ""}),  # the source is the layer
        ('load net.encoder from "w.safetensors"', {"": "other.body."}),  # … of another's body
        ('load net from "w.safetensors"', {"": ""}),
        ('load net from "w.safetensors"', {"": "net."}),
        ('load net from "w.safetensors"', {"": "other."}),
        ('load net["encoder.*"] from "w.safetensors"', {"": ""}),
        ('load net.encoder.first from "w.safetensors"', {"": ""}),
    ],
)
def test_names_are_mapped_below_the_part(folder: Path, load: str, rename: dict[str, str]) -> None:
    weights = saved(folder, "all.safetensors")
    ((old, new),) = rename.items()
    kept = {new + k.removeprefix(old): a for k, a in weights.items() if k.startswith(old)}
    save_file(kept, folder / "w.safetensors")
    result, heard = learnt(plan_of(load), folder)
    assert not [e for e in heard if isinstance(e, Noted)]
    wanted = plan_of(load).loads[0].keys
    assert wanted
    for key in wanted:
        own = key.removeprefix("net.")
        if not own.startswith("head."):  # that learns
            np.testing.assert_array_equal(result.weights["net"][own], weights[own])


def test_the_whole_network_trains_on_from_what_was_loaded(folder: Path) -> None:
    weights = saved(folder, "w.safetensors")
    result, heard = learnt(plan_of('load net from "w.safetensors"'), folder)
    fresh, _ = learnt(plan_of(""), folder, "fresh")
    assert result.weight_hash != fresh.weight_hash
    (told,) = [e.line for e in heard if isinstance(e, WeightsLoaded)]
    assert told == f"loaded all {len(weights)} weights of net from w.safetensors"


def test_what_does_not_fit_is_said(folder: Path) -> None:
    weights = saved(folder, "w.safetensors", **{"head.weight": np.zeros((7, 6), np.float32)})
    weights["encoder.frist.bias"] = weights.pop("encoder.first.bias")
    save_file(weights, folder / "w.safetensors")
    _, heard = learnt(plan_of('load net from "w.safetensors"'), folder)
    (note,) = [e.diagnostic for e in heard if isinstance(e, Noted)]
    assert note.code == "DL413" and "2 weights begin fresh" in note.message
    text = " ".join((*note.notes, *note.helps))
    assert "`net.head.weight` is [4, 6] here and [7, 6] there" in text
    assert "`encoder.frist.bias` is now `net.encoder.first.bias`" in text
    (told,) = [e.line for e in heard if isinstance(e, WeightsLoaded)]
    assert "not taken: head.weight, encoder.frist.bias" in told or (
        "not taken: encoder.frist.bias, head.weight" in told
    )


def test_nothing_that_fits_is_an_error(folder: Path) -> None:
    save_file({"a.weight": np.zeros((3, 3), np.float32)}, folder / "w.safetensors")
    told = error_of(plan_of('load net.encoder from "w.safetensors"'), folder)
    assert told.code == "DL412" and "there are a.weight" in told.notes[0]  # type: ignore[attr-defined]
    assert not (folder / "run" / "checkpoint.safetensors").exists()


def test_a_source_that_is_not_there_is_told_before_anything_is_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "elsewhere" / "build" / "net").mkdir(parents=True)
    monkeypatch.chdir(folder / "elsewhere")
    (folder / "net.dl").write_text(NET.replace("LOAD", 'load net from "build/net"'))
    (folder / "points.npz").unlink()  # not asked for
    spec = open_spec(folder / "net.dl")
    options = TrainOptions(run_dir=folder / "run", quiet=True)
    with pytest.raises(DlspecError) as error:
        train_recipe(spec, spec.recipe(), options, BuildOptions(out=folder / "build"))
    (told,) = error.value.diagnostics
    assert told.code == "DL411" and told.span is not None and told.span.line == 20
    assert told.helps == ["write `elsewhere/build/net`, which is there"]


# --- resume ---------------------------------------------------------------------------------------


def test_a_changed_source_is_noticed_and_a_lost_one_is_not_needed(folder: Path) -> None:
    plan = plan_of('load net from "w.safetensors"')
    saved(folder, "w.safetensors")
    whole, _ = learnt(plan, folder, "whole", epochs=4)
    learnt(plan, folder, epochs=2)
    saved(folder, "w.safetensors", **{"head.bias": np.ones(CLASSES, np.float32)})
    told = error_of(plan, folder, resume=True, epochs=4)
    assert told.code == "DL691" and "weights loaded into `net`" in told.notes[0]  # type: ignore[attr-defined]
    told = error_of(plan_of(""), folder, resume=True, epochs=4)
    assert "weights loaded into `net` (gone)" in told.notes[0]  # type: ignore[attr-defined]
    (folder / "w.safetensors").unlink()
    parts, _ = learnt(plan, folder, resume=True, epochs=4)
    assert parts.weight_hash == whole.weight_hash
