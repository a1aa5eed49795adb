"""Progress on a terminal: a live bar while an epoch runs, a line when it ends, a table at the end.

Drawing happens a few times a second, when losses are read anyway, with no thread of its own beside
the computation.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from dlspec.ir.figures import figure_text
from dlspec.train.events import (
    EpochEnded,
    Event,
    Finished,
    Listener,
    Noted,
    Progressed,
    StageBegan,
    StageEnded,
    Started,
    WeightsLoaded,
)
from dlspec.train.log import (
    epoch_line,
    log_line,
    machine_text,
    rate_text,
    stage_line,
    time_text,
)

if TYPE_CHECKING:
    from rich.console import Console

DRAW_SECONDS = 0.25


@contextlib.contextmanager
def progress_for(quiet: bool, console: Console | None = None) -> Generator[Listener, None, None]:
    """A listener that shows events on standard error (or on ``console``): live on a terminal, else
    as plain lines."""
    if quiet:
        yield lambda event: None
        return
    from rich.console import Console

    shown = console or Console(stderr=True, highlight=False)
    if not shown.is_terminal:
        yield Plain(lambda text: shown.print(text, soft_wrap=True, markup=False))
        return
    display = Live(shown)
    try:
        yield display
    finally:
        display.close()


class Plain:
    """A line an epoch."""

    def __init__(self, write: Callable[[str], Any]) -> None:
        self._write = write
        self._epochs: int | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self._epochs = event.epochs
                self._write(log_line(event) or "")
            case EpochEnded():
                left = (
                    "" if event.seconds_left is None else f"  {time_text(event.seconds_left)} left"
                )
                self._write(
                    epoch_line(event, self._epochs) + ("  best" if event.best else "") + left
                )
            case StageBegan():
                self._epochs = event.epochs
                self._write(log_line(event) or "")
            case WeightsLoaded() | StageEnded() | Noted() | Finished():
                self._write(log_line(event) or "")
            case _:
                pass


class Live:
    """A bar in the last line, epochs above it."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live as RichLive

        self._console = console
        self._live = RichLive(console=console, auto_refresh=False, transient=True)
        self._epochs: int | None = None
        self._next = 0.0
        self._metric = ""
        self._stage = ""

    def close(self) -> None:
        """Take the bar away."""
        self._live.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self._epochs = event.epochs
                size = f"{event.examples:,} examples · {event.parameters:,} parameters"
                how = machine_text(event, " · ")
                self._console.print(f"[bold]{event.recipe}[/]  {size}\n[dim]{how}[/]")
                self._live.start()
            case StageBegan():
                self._epochs, self._stage, self._metric = event.epochs, event.name, ""
                self._console.print(stage_line(event), style="bold cyan", markup=False)
            case WeightsLoaded():
                self._console.print(event.line, style="dim", markup=False)
            case StageEnded():
                self._console.print(f"[dim]{event.reason}[/]")
            case Progressed():
                now = time.perf_counter()
                if now >= self._next:
                    self._next = now + DRAW_SECONDS
                    self._live.update(self._bar(event), refresh=True)
            case EpochEnded():
                self._epoch(event)
            case Noted():
                self._console.print(log_line(event) or "", style="yellow", markup=False)
            case Finished():
                self._live.stop()
                self._table(event)
            case _:
                pass

    def _bar(self, event: Progressed) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        of = f"/{self._epochs:,}" if self._epochs else ""
        left = "" if event.seconds_left is None else f"{time_text(event.seconds_left)} left"
        row = Table.grid(padding=(0, 1))
        for _ in range(3):
            row.add_column(no_wrap=True)
        words = f"loss {event.loss:.4f}{self._metric} · {rate_text(event.samples_per_s)}/s · {left}"
        head = Text(f"{self._stage or 'epoch'} {event.epoch:,}{of}", "bold cyan")
        bar = ProgressBar(event.steps_per_epoch, event.position, width=16)
        row.add_row(head, bar, Text(words, overflow="ellipsis"))
        return row

    def _epoch(self, event: EpochEnded) -> None:
        from rich.text import Text

        row = event.row
        shown = {n: v for n, v in row.items() if n.startswith("validation.")}
        scores = [(n, v) for n, v in shown.items() if not n.endswith("loss")] or list(shown.items())
        self._metric = "".join(
            f" · {n.removeprefix('validation.')} {figure_text(n, v)}" for n, v in scores[:1]
        )
        words = Text(f"{event.epoch if event.stage else row['epoch']:5.0f}  ")
        for name, value in row.items():
            if name.startswith(("train.", "validation.")):
                words.append(f"{name.removeprefix('validation.')} ", "dim")
                words.append(f"{figure_text(name, value)}  ")
        if event.best:
            words.append("best", "green")
        words.truncate(self._console.width, overflow="ellipsis")
        self._console.print(words)

    def _table(self, event: Finished) -> None:
        from rich.table import Table

        result = event.result
        table = Table(
            title=event.reason, title_justify="left", show_header=False, box=None, padding=(0, 2)
        )
        for name, value in result.metrics.items():
            table.add_row(name, f"[bold]{figure_text(name, value)}[/]")
        best = "" if result.best_epoch is None else f", best {result.best_epoch:,}"
        table.add_row("epochs", f"{result.epochs:,}{best}")
        speed = f"{time_text(result.seconds)} at {rate_text(result.samples_per_s)} samples/s"
        table.add_row("learning", speed)
        table.add_row("weights", result.weight_hash[:16])
        table.add_row("run", str(result.run_dir))
        self._console.print(table)
