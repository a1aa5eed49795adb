"""What users do wrong at the command line: they are told, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import dlspec
from dlspec.cli.main import main
from dlspec.diagnostics import DlspecError
from dlspec.runtime import ProvedLessWarning, UntrainedWarning
from dlspec.serve.served import ServedModel
from tests.patience import PATIENCE

SPEC = """
data points {
    p = npz("points.npz")
    output x: float[N, 4] = p.x
    output y: int[N] = p.y
    split = random(80%, 10%, 10%)
}
network net {
    input x: float[N, 4]
    output logits = x -> dense(8) -> relu -> dense(2)
}
recipe learn for net on points {
    minimize cross_entropy(logits, y)
    optimizer = adam(0.01); batch = 32; epochs = 1
    metrics = accuracy(logits, y)
}
engine edge for learn { targets = onnxruntime; batch = 1..8 }
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec, its data, a finished run and a trained bundle."""
    folder = tmp_path_factory.mktemp("trained")
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 4)).astype("float32")
    np.savez(folder / "points.npz", x=x, y=(x.sum(1) > 0).astype("int64"))
    (folder / "net.dl").write_text(SPEC)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "dlspec.cli.main",
            "train",
            "--quiet",
            "--no-torch",
            "--threads",
            "1",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def here(trained: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it to work in."""
    folder = tmp_path / "work"
    shutil.copytree(trained, folder)
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """A command in this process: its status and what it said."""

    def call(*arguments: str) -> tuple[int, str]:
        try:
            status = main(list(arguments))
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert status != 70, said.err
        return status, said.out + said.err

    return call


def versions(folder: Path) -> list[str]:
    """The published versions of the bundle."""
    return sorted(p.name for p in (folder / "build/net").iterdir() if p.name[0].isdigit())


@pytest.mark.parametrize("verb", ["compile", "train"])
def test_a_target_that_the_spec_lacks_publishes_nothing(here: Path, run: Run, verb: str) -> None:
    before = versions(here)
    status, said = run(verb, "--target", "tensorrt")
    assert status == 1
    assert "has no engine for `tensorrt`" in said
    assert "its targets are onnxruntime" in said
    assert versions(here) == before


def test_a_check_that_cannot_be_measured_is_no_success(here: Path, run: Run) -> None:
    text = SPEC.replace("random(80%, 10%, 10%)", "random(90%, 10%)")
    (here / "net.dl").write_text(text + "check learn.test.accuracy > 50%\n")
    before = versions(here)
    status, said = run("train", "--quiet")
    assert status == 1
    assert "error[DL909]: check cannot be made: the data has no test examples" in said
    assert "net.dl:18:1" in said
    assert versions(here) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seed", "-1"), "argument --seed: expected a whole number from 0, not '-1'"),
        (("--seed", "x"), "argument --seed: expected a whole number from 0, not 'x'"),
        (("--threads", "0"), "argument --threads: expected a whole number from 1, not '0'"),
        (("--bogus",), "unrecognized arguments: --bogus"),
        (("net.dl", "more"), "unrecognized arguments: more"),
    ],
)
def test_wrong_usage_shows_the_usage_of_the_command(
    here: Path, run: Run, options: tuple[str, ...], words: str
) -> None:
    status, said = run("train", *options)
    assert status == 2
    assert said.startswith("usage: dlspec train ")
    assert words in said


def test_a_check_is_judged_with_its_own_recipe(here: Path, run: Run) -> None:
    other = SPEC[SPEC.index("recipe learn") : SPEC.index("engine")].replace("learn", "other")
    (here / "net.dl").write_text(SPEC + other + "check other.test.accuracy > 100%\n")
    status, said = run("train", "--recipe", "learn", "--quiet", "--fast", "--no-torch")
    assert status == 0
    assert "check fails" not in said
    status, said = run("train", "--recipe", "other", "--quiet", "--fast", "--no-torch")
    assert status == 1
    assert "error[DL908]: check fails" in said


def test_an_engine_is_proved_within_its_bounds(here: Path) -> None:
    (version,) = versions(here)
    manifest = json.loads((here / "build/net" / version / "manifest.json").read_text())
    sizes = [case["N"] for case in manifest["engines"][0]["verdicts"]["sizes"]]
    assert 8 in sizes
    assert max(sizes) == 8


def test_compile_keeps_what_was_learnt(here: Path, run: Run) -> None:
    (old,) = versions(here)
    status, said = run("compile", "--fast", "--no-torch")
    assert status == 0
    assert "parameters, trained" in said
    new = versions(here)[-1]
    assert new != old
    weights = [(here / "build/net" / v / "weights.safetensors").read_bytes() for v in (old, new)]
    assert weights[0] == weights[1]


def test_compile_of_a_changed_layer_refuses(here: Path, run: Run) -> None:
    (here / "net.dl").write_text(SPEC.replace("dense(8)", "dense(9)"))
    status, said = run("compile")
    assert status == 1
    assert "error[DL906]: `build/net` is trained, and its weights do not fit this spec" in said
    assert "`logits.dense.weight`" in said
    assert len(versions(here)) == 1


def test_an_untrained_bundle_says_so(here: Path, run: Run) -> None:
    status, said = run("compile", "--out", "fresh", "--fast", "--no-torch")
    assert status == 0
    assert "not trained: it answers from random weights" in said
    assert "~ edge on onnxruntime: proved less (fast): golden inputs only" in said
    status, said = run("predict", "fresh/net", "x=[1, 2, 3, 4]")
    assert status == 0
    assert "warning: the model is not trained" in said
    assert "warning: the model is proved less (fast): golden inputs only" in said
    with (
        pytest.warns(UntrainedWarning, match="is not trained"),
        pytest.warns(ProvedLessWarning, match="proved less \\(fast\\): golden inputs only"),
    ):
        model = dlspec.load("fresh/net")
    reservations = {"trained": False, "proved_less": "golden inputs only"}
    assert ServedModel("net", model).metadata()["parameters"] == reservations
    assert "parameters" not in ServedModel("net", dlspec.load("build/net")).metadata()


def test_an_array_without_its_name(here: Path) -> None:
    model = dlspec.load("build/net")
    with pytest.raises(DlspecError, match=r"call the model with `x = …`"):
        model(np.zeros((1, 4), "float32"))  # type: ignore[arg-type]


def test_check_and_fmt_go_on_after_a_file_that_cannot_be_read(here: Path, run: Run) -> None:
    (here / "a.dl").write_bytes(b"\xff\xfe")
    (here / "folder.dl").mkdir()
    (here / "messy.dl").write_text("network  m { input x: float[N,2]; output y = x }\n")
    status, said = run("check")
    assert status == 1
    assert "cannot read `a.dl`: byte 0 is not UTF-8 text" in said
    assert "net.dl: ok" in said
    assert "folder.dl" not in said
    status, said = run("fmt", "missing.dl", "messy.dl")
    assert status == 1
    assert "cannot read `missing.dl`" in said
    assert "formatted messy.dl" in said
    assert (here / "messy.dl").read_text().startswith("network m {")
    status, said = run("check", "folder.dl")
    assert status == 1
    assert "it is a folder" in said
    assert "did you mean `folder.dl`" not in said


def test_fmt_keeps_a_link(here: Path, run: Run) -> None:
    (here / "messy.dl").write_text("network  m { input x: float[N,2]; output y = x }\n")
    (here / "link.dl").symlink_to("messy.dl")
    assert run("fmt", "link.dl")[0] == 0
    assert (here / "link.dl").is_symlink()
    assert (here / "messy.dl").read_text().startswith("network m {")


def test_a_label_of_floats_is_told_what_is_expected(here: Path, run: Run) -> None:
    (here / "net.dl").write_text(SPEC.replace("y: int[N]", "y: float[N]"))
    status, said = run("check", "net.dl")
    assert status == 1
    assert "`label` is float32, expected int" in said


def test_diagnostics_as_json(here: Path, run: Run) -> None:
    (here / "net.dl").write_text(SPEC.replace("dense(2)", "dens(2)"))
    status, said = run("check", "--message-format", "json")
    assert status == 1
    (line,) = said.splitlines()
    told = json.loads(line)
    assert told["severity"] == "error"
    assert told["file"] == "net.dl"
    assert told["start"]["line"] == 10


def test_resume_of_a_changed_network_refuses_and_keeps_the_run(here: Path, run: Run) -> None:
    checkpoint = here / "runs/learn/checkpoint.safetensors"
    before = checkpoint.read_bytes()
    (here / "net.dl").write_text(SPEC.replace("dense(8)", "dense(9)"))
    status, said = run("train", "--resume", "--quiet")
    assert status == 1
    assert "error[DL691]: cannot resume `runs/learn`: the recipe has changed" in said
    assert checkpoint.read_bytes() == before


@pytest.mark.parametrize("name", ["current", "manifest.json", "model.onnx", "weights.safetensors"])
def test_a_bundle_cut_short_is_named(here: Path, run: Run, name: str) -> None:
    path = next((here / "build/net").rglob(name))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    status, said = run("predict", "build/net", "x=[1, 2, 3, 4]")
    assert status == 1
    assert "error[DL63" in said
    assert name in said


def test_output_to_a_closed_pipe(here: Path) -> None:
    command = f"{sys.executable} -m dlspec.cli.main explain | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_weights_kept_for_another_graph_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlspec.bundle import read_manifest
    from dlspec.driver import open_spec
    from dlspec.driver.build import BuildOptions, build_network, kept_training, meaning_of
    from dlspec.randomness import initial_weights

    monkeypatch.chdir(tmp_path)
    text = "network n {{ input x: float[N, 3]; output y = {} (x -> dense(2)) }}\n"
    Path("n.dl").write_text(text.format("relu"))
    compilation = open_spec("n.dl")
    plan = compilation.networks["n"]
    training = {"recipe": "r", "metrics": {"test.loss": 0.1}, "graph": meaning_of(plan.graph)}
    options = BuildOptions(Path("build"), use_torch=False)
    build_network(plan, initial_weights(plan.graph), compilation.source, options, training=training)
    assert kept_training(plan, read_manifest("build/n"))[1] is None
    Path("n.dl").write_text(text.format("tanh"))
    assert main(["compile", "n.dl", "--no-torch"]) == 0
    assert "DL910" in capsys.readouterr().err
    manifest = read_manifest("build/n")
    assert manifest.trained and "metrics" not in manifest.training


def test_check_takes_folders(here: Path, run: Run) -> None:
    (here / "more").mkdir()
    (here / "more/one.dl").write_text("network one { input x: float[N, 2]; output y = x }\n")
    (here / "more/two.dl").write_text("network two { input x: float[N, 2]; output y = z }\n")
    (here / "none").mkdir()
    status, said = run("check", "more", "net.dl")
    assert status == 1
    assert "more/one.dl: ok" in said
    assert "more/two.dl:1" in said
    assert "net.dl: ok" in said
    status, said = run("check", "none")
    assert status == 1
    assert "cannot read `none`: it is a folder" in said
