"""The built wheel works outside the checkout, with its grammar, library and pages."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.architecture.imports import ROOT
from tests.patience import PATIENCE


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    program = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def test_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wheel.name.startswith("dlspec-0.")
    for name in (
        "dlspec/py.typed",
        "dlspec/_grammars/dlspec.lark",
        "dlspec/_specs/lenet.dl",
        "dlspec/syntax/_table.json",
        "dlspec/serve/page/model.html",
        "dlspec/serve/page/page.js",
    ):
        assert name in names
    assert {n.split("/")[0] for n in names if ".dist-info/" not in n} == {"dlspec"}
    assert [n for n in names if "__pycache__" in n] == []


def test_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Installed without its dependencies, which are this environment's."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    (site,) = environment.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    import numpy

    shared = Path(numpy.__file__).parents[1]
    (site / "shared.pth").write_text(f"{shared}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lenet.dl").write_text((ROOT / "specs" / "lenet.dl").read_text())
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [python, *arguments],
            cwd=elsewhere,
            env=clean,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    place = run("-c", "import dlspec; print(dlspec.__file__)").strip()
    assert Path(place).is_relative_to(site)
    run("-m", "dlspec.cli.main", "check", "lenet.dl")
    assert "DL302" in run("-m", "dlspec.cli.main", "explain", "DL302")
    pages = "from dlspec.serve.pages import asset; print(asset('page.js').status)"
    assert run("-c", pages).strip() == "200"
