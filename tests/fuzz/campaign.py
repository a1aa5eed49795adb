"""Many inputs, each known by seed and number, judged in processes of their own."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.seeds import ROOT

SECONDS_A_CHUNK = 600
WORKERS = 2


@dataclass(frozen=True)
class Found:
    """A finding, and the input that shows it."""

    number: int
    what: str
    detail: str


def text_of(seed: int, number: int) -> bytes:
    """The input of a number: half mutations of bytes and tokens, the rest of structure and drawn
    from the grammar."""
    from tests.fuzz.grammar import drawn
    from tests.fuzz.mutate import mutated
    from tests.fuzz.structure import restructured

    rng = random.Random(f"{seed}/{number}")
    kind = rng.random()
    if kind < 0.5:
        return mutated(rng)
    return restructured(rng) if kind < 0.8 else drawn(rng)


def work(seed: int, first: int, count: int) -> None:
    """Judge a range of inputs in this process; each finding is one line of JSON, then the count."""
    from tests.fuzz.judge import bound_memory, judge

    judge(b"network n { input x: float[N, 2]; output y = x -> dense(1) }", ROOT / "specs")
    bound_memory()
    for number in range(first, first + count):
        finding = judge(text_of(seed, number), ROOT / "specs")
        if finding is not None:
            line = {"number": number, "what": finding.what, "detail": finding.detail}
            print(json.dumps(line), flush=True)
    print(json.dumps({"done": count}), flush=True)


def _chunk(seed: int, first: int, count: int) -> tuple[int, list[Found]]:
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed)]
    command += ["--first", str(first), "--count", str(count), "--here"]
    try:
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_A_CHUNK, check=False
        )
    except subprocess.TimeoutExpired:
        return 0, [Found(first, "hang", f"inputs {first} to {first + count - 1} do not end")]
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    found = [Found(**line) for line in lines if "number" in line]
    done = sum(line["done"] for line in lines if "done" in line)
    if done != count:
        found.append(Found(first, "process died", f"{ended.returncode}: {ended.stderr[-500:]}"))
    return done, found


def run(seed: int, first: int, count: int, chunk: int = 500) -> Iterator[tuple[int, list[Found]]]:
    """Judge inputs in chunks; each gives how many were judged, and what was found."""
    parts = [(n, min(chunk, first + count - n)) for n in range(first, first + count, chunk)]
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(lambda part: _chunk(seed, *part), parts)


def write(seed: int, number: int, path: Path) -> None:
    """Put one input into a file, to look at."""
    path.write_bytes(text_of(seed, number))
