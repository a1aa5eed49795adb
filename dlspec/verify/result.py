"""What a verification found, for people, the manifest and the report."""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Literal, cast

import numpy as np

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.source import Span
from dlspec.verify.checks import CheckResult
from dlspec.verify.local import NodeResult
from dlspec.verify.verdict import Status, Verdict, worst

Overall = Literal["verified", "unverified", "failed"]


@dataclass
class Verification:
    """An engine's verification.

    Attributes:
        network, engine, precision, tolerance: of what.
        verdicts: the engine against R, an output and case each.
        references: NumPy and PyTorch in float64 against each other.
        torch: PyTorch in float32 against R.
        checks: the spec's checks on every side.
        nodes: the local proof.
        bisection: the same table with real weights, made when the engine fails end to end and the
            local proof holds.
        torch_nodes: the first node that PyTorch and NumPy compute differently in float64, each
            node alone on structural weights; none where they agree.
        passes: the first node whose meaning a pass has changed; none where passes are right.
        sizes: of the dynamic dimensions, as swept.
        timings: seconds by part.
        versions: of what computed.
        unproven: what this does not tell.
        less: all that `--fast` has proved, in a few words; empty where it was not asked for.
        golden: accepted absolute error of each float output for the first case.
        diagnostics: errors and warnings with their places in the spec.
    """

    network: str
    engine: str
    precision: str
    tolerance: float | None
    verdicts: tuple[Verdict, ...]
    references: tuple[Verdict, ...] = ()
    torch: tuple[Verdict, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    nodes: tuple[NodeResult, ...] = ()
    bisection: tuple[NodeResult, ...] = ()
    torch_nodes: tuple[NodeResult, ...] = ()
    passes: tuple[NodeResult, ...] = ()
    sizes: tuple[Mapping[str, int], ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict[str, float])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    unproven: tuple[str, ...] = ()
    less: str = ""
    golden: Mapping[str, float] = field(default_factory=dict[str, float])
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def outputs(self) -> dict[str, Status]:
        """The worst status of each output over the cases; a case that is undetermined does not
        hide others that pass."""
        by_output: dict[str, list[Status]] = {}
        for verdict in self.verdicts:
            by_output.setdefault(verdict.output, []).append(verdict.status)
        return {name: worst(statuses) for name, statuses in by_output.items()}

    @property
    def status(self) -> Overall:
        """``failed`` if anything failed; ``verified`` if every output passed, or is insensitive or
        undetermined while every node was proved alone; else ``unverified``, as it is where no
        engine could be run."""
        compared = (*self.verdicts, *self.references, *self.torch)
        if (
            any(v.status == "fail" for v in compared)
            or any(n.status == "fail" for n in (*self.nodes, *self.torch_nodes, *self.passes))
            or not all(c.holds for c in self.checks)
        ):
            return "failed"
        if not self.verdicts:
            return "unverified"
        proved = bool(self.nodes) and all(n.status == "pass" for n in self.nodes)
        if all(s == "pass" for s in self.outputs.values()) or proved:
            return "verified"
        return "unverified"

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.status != "failed"

    @property
    def worst(self) -> dict[str, Verdict]:
        """The verdict nearest to (or farthest beyond) the limit, for each output."""
        found: dict[str, Verdict] = {}
        for verdict in self.verdicts:
            known = found.get(verdict.output)
            if known is None or (verdict.status == "fail", verdict.ratio) > (
                known.status == "fail",
                known.ratio,
            ):
                found[verdict.output] = verdict
        return found

    @property
    def first_wrong_node(self) -> NodeResult | None:
        """The first node that differs, by the local proof or by bisection."""
        return next((n for n in (*self.nodes, *self.bisection) if n.status == "fail"), None)

    def summary(self) -> str:
        """One line: `verified: logits 0.9 B, digit (93 % decided)`."""
        parts: list[str] = []
        for name, verdict in self.worst.items():
            status = self.outputs[name]
            text = name if status == "pass" else f"{name} {status}"
            if verdict.expected is not None and verdict.reason != "decision":
                text += f" {verdict.ratio:.2g} B"
            if verdict.decided < 1:
                text += f" ({verdict.decided:.0%} decided)"
            parts.append(text)
        return f"{self.verdict}: {', '.join(parts)}"

    @property
    def verdict(self) -> str:
        """The status in words; `proved less (fast): …` where `--fast` proved only a part."""
        if not self.less or self.status != "verified":
            return self.status
        return f"proved less (fast): {self.less}"

    def raise_if_failed(self) -> None:
        """End here with what failed.

        Raises:
            DlspecError: with every error found.
        """
        errors = [d for d in self.diagnostics if d.severity == "error"]
        if errors:
            raise DlspecError(*errors)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data; places are `file:line:column`, infinities the text `inf`."""
        fields = [f.name for f in dataclasses.fields(self) if f.name != "diagnostics"]
        data = {name: _plain(getattr(self, name)) for name in fields}
        data["status"] = self.status
        data["verdict"] = self.verdict
        data["outputs"] = self.outputs
        data["diagnostics"] = [{"code": d.code, "message": d.message} for d in self.diagnostics]
        return data


def _plain(value: Any) -> Any:
    if isinstance(value, Span):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in cast("Sequence[Any]", value)]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value


def versions() -> dict[str, str]:
    """Of Python, the machine and every library that took part (is imported now)."""
    found = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    for module, names in _LIBRARIES.items():
        if module in sys.modules:
            known = next((v for v in map(_version, names) if v), None)
            if known:
                found[module] = known
    return found


_LIBRARIES = {
    "dlspec": ("dlspec",),
    "numpy": ("numpy",),
    "onnx": ("onnx",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime"),
    "tensorrt_rtx": ("tensorrt-rtx", "tensorrt_rtx"),
    "torch": ("torch",),
}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
