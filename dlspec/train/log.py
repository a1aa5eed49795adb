"""Events as plain lines: for the log, and for a terminal that is none."""

from __future__ import annotations

from dlspec.ir.figures import figure_text
from dlspec.train.events import (
    EpochEnded,
    Event,
    Finished,
    Noted,
    Saved,
    StageBegan,
    StageEnded,
    Started,
    WeightsLoaded,
)
from dlspec.train.options import Row, TrainResult

_OWN = ("epoch", "stage", "step", "seconds", "samples_per_s")


def log_line(event: Event) -> str | None:
    """An event in one line; None where it is not worth one."""
    match event:
        case Started():
            how = f"{machine_text(event, ', ')}, products {event.matmul}"
            size = f"{event.examples:,} examples, {event.parameters:,} parameters"
            return f"{event.recipe}: {size}; {how}"
        case EpochEnded():
            return epoch_line(event, None) + ("  best" if event.best else "")
        case StageBegan():
            return stage_line(event)
        case WeightsLoaded():
            return event.line
        case StageEnded():
            return f"stage {event.name}: {event.reason}"
        case Saved():
            return f"saved step {event.step:,} in {event.seconds:.3f} s"
        case Noted():
            told = event.diagnostic
            return "; ".join((f"{told.severity}: {told.message}", *told.notes, *told.helps))
        case Finished():
            metrics = "  ".join(f"{n} {figure_text(n, v)}" for n, v in event.result.metrics.items())
            return f"{event.reason} after {length_text(event.result)}  {metrics}"
        case _:
            return None


def stage_line(event: StageBegan) -> str:
    """`stage warm (1 of 2): 3 epochs, learns net.head`."""
    epochs = event.epochs
    how_long = "" if epochs is None else f"{epochs:,} epoch{'s' * (epochs != 1)}, "
    shown = ", ".join(event.learns[:4]) + (", …" if len(event.learns) > 4 else "")
    return f"stage {event.name} ({event.number} of {event.of}): {how_long}learns {shown}"


def epoch_line(event: EpochEnded, epochs: int | None) -> str:
    """A row of the history in words."""
    row: Row = event.row
    of = f"/{epochs:,}" if epochs else ""
    number = event.epoch if event.stage else int(row["epoch"])
    parts = [f"{event.stage + ': ' if event.stage else ''}epoch {number:,}{of}"]
    parts += [
        f"{name} {figure_text(name, value)}" for name, value in row.items() if name not in _OWN
    ]
    parts.append(f"{rate_text(row['samples_per_s'])} samples/s")
    return "  ".join(parts)


def length_text(result: TrainResult) -> str:
    """`20 epochs`, or `500 steps` where no epoch was whole."""
    count, unit = (result.epochs, "epoch") if result.epochs else (result.steps, "step")
    return f"{count:,} {unit}{'s' * (count != 1)}"


def machine_text(event: Started, between: str) -> str:
    """`cpu, 2 threads, float32`."""
    threads = "1 thread" if event.threads == 1 else f"{event.threads} threads"
    return between.join((event.device, threads, event.precision))


def rate_text(rate: float) -> str:
    """`46.2k`."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if rate >= size:
            return f"{rate / size:.3g}{unit}"
    return f"{rate:.3g}"


def time_text(seconds: float) -> str:
    """`1:02:03`, `0:07`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
