"""The device, and the settings that one probe of error and speed chooses for a run."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.train import DeviceMissing, TorchMissing

if TYPE_CHECKING:
    import torch

MATMUL_MARGIN = 2.0
"""A fast product counts as exact when its error is at most this many times float32's own."""
GAIN = 1.15
"""How many times faster a setting must be than the default to be taken: less may be noise, and a
run should be repeatable."""


@dataclass(frozen=True)
class Choice:
    """Threads, and what `torch.set_float32_matmul_precision` is given."""

    threads: int
    matmul: str = "highest"

    def apply(self) -> None:
        """Set them for this process."""
        import torch

        torch.set_num_threads(self.threads)
        torch.set_float32_matmul_precision(self.matmul)

    def as_json(self) -> dict[str, Any]:
        """For the checkpoint."""
        return asdict(self)


@contextlib.contextmanager
def kept_settings() -> Generator[None, None, None]:
    """Afterwards threads and precision are what they were."""
    import torch

    before = Choice(torch.get_num_threads(), torch.get_float32_matmul_precision())
    deterministic, benchmark = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        before.apply()
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = (
            deterministic,
            benchmark,
        )


def device_of(wanted: str) -> torch.device:
    """The device of an option.

    Raises:
        DlspecError: DL408 where it is not there, DL409 without PyTorch.
    """
    try:
        import torch
    except ImportError as error:
        raise DlspecError(TorchMissing(None, str(error))) from error
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", wanted):
        known = "devices are `auto`, `cpu`, `cuda`, `cuda:0`, `cuda:1`, …, `mps`"
        raise DlspecError(DeviceMissing(None, wanted, f"there is no such device; {known}"))
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise DlspecError(DeviceMissing(None, wanted, "PyTorch sees no CUDA device here"))
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (
        RuntimeError,
        AssertionError,
    ) as error:  # torch says "not compiled with CUDA" by an assertion
        reason = str(error).splitlines()[0][:120]
        raise DlspecError(DeviceMissing(None, wanted, reason)) from error
    return device


def products_error(matmul: str) -> float:
    """The largest error of float32 products under a precision, relative to float64's rms."""
    import torch

    torch.set_float32_matmul_precision(matmul)
    worst = 0.0
    generator = torch.Generator().manual_seed(0)
    for n, k, m in ((100, 784, 500), (500, 100, 784), (128, 400, 120)):
        a, b = torch.randn(n, k, generator=generator), torch.randn(k, m, generator=generator)
        exact = a.double() @ b.double()
        error = ((a @ b).double() - exact).abs().max() / exact.square().mean().sqrt()
        worst = max(worst, float(error))
    return worst


def probe(
    turn: Callable[[], None],
    device: torch.device,
    *,
    threads: int | None = None,
    matmul: str | None = None,
    seconds: float = 0.6,
) -> Choice:
    """Threads and precision of products by the time of ``turn``, a step's forward and backward
    that changes nothing.

    Only a precision as exact as float32 on this machine is considered. Settings take turns, the
    shortest time counts, and the default (all cores that PyTorch takes, full precision) stands
    unless another is clearly faster.
    """
    import torch

    default = Choice(threads or torch.get_num_threads(), matmul or "highest")
    default.apply()
    if device.type != "cpu":
        return default
    matmuls = [default.matmul]
    if matmul is None and products_error("medium") <= MATMUL_MARGIN * products_error("highest"):
        matmuls.append("medium")
    counts = [threads] if threads else sorted({default.threads, 1}, reverse=True)
    choices = [Choice(t, m) for t in counts for m in matmuls]
    if len(choices) == 1:
        default.apply()
        return default
    best = dict.fromkeys(choices, float("inf"))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for choice in choices:
            choice.apply()
            turn()  # the first after a change wakes threads and packs weights
            start = time.perf_counter()
            turn()
            turn()
            best[choice] = min(best[choice], time.perf_counter() - start)
    fastest = min(choices, key=best.__getitem__)
    chosen = fastest if best[default] > GAIN * best[fastest] else default
    chosen.apply()
    return chosen
