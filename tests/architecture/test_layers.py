"""A module imports only from its own package and from layers below; applications embed little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.imports import ROOT, imports, modules
from tests.patience import PATIENCE

LAYERS: tuple[tuple[str, ...], ...] = (
    ("source", "late"),
    ("diagnostics", "dims", "text", "picture"),
    ("syntax", "ir"),
    ("randomness",),  # draws what the graph declares
    ("ops",),
    ("sema", "passes"),
    ("targets", "interpreter", "bundle"),
    ("runtime", "data", "inspect"),
    ("engines",),  # builders of what the runtime runs
    ("verify",),
    ("train", "serve"),
    ("driver",),
    ("cli",),
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}

LAZY = "dlspec"
"""`dlspec/__init__.py` names what `__getattr__` imports when it is asked for; its version is all
that others may take of it."""


def part(module: str) -> str:
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def in_package(name: str) -> bool:
    return name == "dlspec" or name.startswith("dlspec.")


def test_every_part_has_a_layer() -> None:
    parts = {part(m) for m in modules()} - {"", "__main__"}
    assert parts - LAYER.keys() == set()


def test_layers() -> None:
    wrong: list[str] = []
    for module, path in modules().items():
        if part(module) in ("", "__main__"):
            continue
        for found in imports(path):
            if not in_package(found.name) or found.name == "dlspec.__version__":
                continue
            above = part(found.name)
            if above == part(module):
                continue
            if LAYER.get(above, 99) >= LAYER[part(module)]:
                wrong.append(f"{path.relative_to(ROOT)}:{found.line} imports {found.name}")
    assert wrong == []


ALLOWED = {
    "runtime": {
        "bundle",
        "diagnostics",
        "late",
        "runtime",
        "dims",
        "source",
        "randomness",
        "ir",
        "text",
        "picture",
    },
    "bundle": {"bundle", "diagnostics", "late", "source", "picture"},
    "serve": {"serve", "runtime", "bundle", "diagnostics", "late"},
}
HEAVY = {"torch", "onnx", "lark", "matplotlib", "rich", "tensorrt", "tensorrt_rtx", "PIL"}


@pytest.mark.parametrize("package", ALLOWED)
def test_what_applications_embed(package: str) -> None:
    wrong: list[str] = []
    for module, path in modules().items():
        if part(module) != package:
            continue
        for found in imports(path):
            inner = in_package(found.name) and found.name != "dlspec.__version__"
            if inner and part(found.name) not in ALLOWED[package]:
                wrong.append(f"{path.relative_to(ROOT)}:{found.line} imports {found.name}")
            top = found.name.partition(".")[0]
            if top in ("torch", "onnx", "lark") or (top in HEAVY and not found.late):
                wrong.append(f"{path.relative_to(ROOT)}:{found.line} imports {found.name}")
    assert wrong == []


def test_heavy_imports_are_late() -> None:
    """numpy may stand at the top; what takes a second to import only inside the function that needs
    it, so that a command loads what it uses."""
    heavy = {*HEAVY, "onnxruntime", "uvicorn", "starlette"} - {"lark"}
    wrong = [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.name}"
        for path in modules().values()
        for found in imports(path)
        if found.name.partition(".")[0] in heavy and not found.late
    ]
    assert wrong == []


def loaded_after(code: str) -> set[str]:
    """The modules of a fresh process after a program."""
    program = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_import_costs_nothing() -> None:
    loaded = loaded_after("import dlspec")
    assert loaded & {*HEAVY, "onnxruntime", "numpy", "uvicorn", "asyncio"} == set()


def test_runtime_needs_numpy_alone() -> None:
    loaded = loaded_after("from dlspec import load")
    assert loaded & {*HEAVY, "uvicorn"} == set()


def test_every_module_imports() -> None:
    names = [m for m in modules() if not m.endswith("__main__")]
    loaded_after("\n".join(["import importlib", f"for m in {names!r}: importlib.import_module(m)"]))


def test_files_hold_one_concept() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules().values()
        if (lines := len(path.read_text("utf-8").splitlines())) > 700
    }
    assert long == {}


def test_top_level() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    tops = {Path(line).parts[0] for line in listed.stdout.splitlines()}
    allowed = {"pyproject.toml", "README.md", "LICENSE", "dlspec", "grammars", "specs", "tests"}
    assert {t for t in tops if not t.startswith(".")} <= allowed | {"examples"}
