"""Ratios from interleaved pairs: what a shared, noisy machine can still tell."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def seconds(work: Callable[[], Any]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def process(arguments: Sequence[str], folder: Path) -> float:
    """How long a process takes; its failure is ours."""
    start = time.perf_counter()
    # compiled modules are kept, as on a user's machine
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        arguments, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def compare(
    name: str, ours: Callable[[], float], peer: Callable[[], float], *, pairs: int, promise: str
) -> dict[str, Any]:
    """The median of ours / peer over pairs that take turns, after one unmeasured pair."""
    ours(), peer()
    rows = []
    for turn in range(pairs):
        first, second = (ours, peer) if turn % 2 == 0 else (peer, ours)
        a, b = first(), second()
        rows.append((a, b) if turn % 2 == 0 else (b, a))
    ratios = sorted(a / b for a, b in rows)
    result = {
        "name": name,
        "ratio": round(statistics.median(ratios), 4),
        "low": round(ratios[0], 4),
        "high": round(ratios[-1], 4),
        "ours_s": round(statistics.median(a for a, _ in rows), 6),
        "peer_s": round(statistics.median(b for _, b in rows), 6),
        "pairs": pairs,
        "promise": promise,
    }
    print(
        f"{name:<44} {result['ratio']:>8} ({result['low']} to {result['high']})  promised {promise}"
    )
    return result


def save(name: str, rows: list[dict[str, Any]]) -> None:
    """Write the rows with machine and versions."""
    RESULTS.mkdir(exist_ok=True)
    versions = {}
    for package in ("numpy", "onnx", "onnxruntime-gpu", "torch", "tensorrt-rtx", "onnxscript"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    load = Path("/proc/loadavg")
    record = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {platform.processor() or 'CPU'}",
        "python": sys.version.split()[0],
        "load": load.read_text().split()[:3] if load.exists() else [],
        "versions": versions,
        "rows": rows,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
