"""Every block of the README is executed, in order, in one folder, as a reader would.

`console` and `sh` blocks run in a shell where `dlspec` and `python` are this environment's, and
their output is compared where a block after them shows it; `python` blocks run as programs; `dl`
blocks are checked by `dlspec check`; the two commands that install are what CI runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks_of, same_output

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SHELL = ("sh", "bash", "shell", "console")
PLAIN = ("", "text", "diff", "mermaid", "json", "bibtex")


def commands(block: Block) -> str:
    """The commands of a block: with prompts, only what stands after `$ `."""
    lines = block.text.splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return "\n".join(lines)


def installs(block: Block) -> bool:
    """Whether it makes an environment: what `.ci/run` and the first test of the package do."""
    return "-m venv" in block.text or "git clone" in block.text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a reader has after cloning, without history."""
    made = tmp_path_factory.mktemp("readme")
    for name in ("specs", "examples", "grammars"):
        if (ROOT / name).exists():
            (made / name).symlink_to(ROOT / name)
    return made


def shell(text: str, folder: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    binaries = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "COLUMNS": "80",
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


def run_all(folder: Path, long: bool) -> None:
    printed = ""
    for block in blocks_of(README.read_text("utf-8")):
        where = f"README.md:{block.line}"
        if "skip" in block.asked or ("long" in block.asked and not long):
            printed = ""
        elif "output" in block.asked:
            mask = block.asked.get("mask")
            if printed:
                assert same_output(block.text, printed, mask), (
                    f"{where} shows other than:\n{printed}"
                )
        elif "file" in block.asked:
            target = folder / block.asked["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)
        elif block.language in SHELL:
            if installs(block):
                continue
            done = shell(commands(block), folder, 1500)
            printed = done.stdout
            assert done.returncode == int(block.asked.get("fails", "0")), f"{where}\n{printed}"
        elif block.language in ("python", "py"):
            done = shell(f"python - <<'PROGRAM'\n{block.text}\nPROGRAM", folder, 600)
            printed = done.stdout
            assert done.returncode == 0, f"{where}\n{printed}"
        elif block.language == "dl":
            (folder / "block.dl").write_text(block.text)
            done = shell("dlspec check block.dl", folder, 60)
            assert done.returncode == int(block.asked.get("fails", "0")), f"{where}\n{done.stdout}"
            printed = done.stdout
        else:
            assert block.language in PLAIN, f"{where}: nothing executes `{block.language}`"


def test_readme_blocks(folder: Path) -> None:
    run_all(folder, long=False)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_readme_with_its_long_blocks(folder: Path) -> None:
    run_all(folder, long=True)


def test_ci_runs_the_command_of_the_readme() -> None:
    lines = README.read_text("utf-8").splitlines()
    found = [
        line for line in lines if line.startswith("python3 -m venv .venv") and "pytest" in line
    ]
    assert len(found) == 1


def test_links_lead_somewhere() -> None:
    import re

    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", README.read_text("utf-8")):
        assert (ROOT / link).exists(), link
