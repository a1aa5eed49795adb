"""Arrays that do not fit the graph that they are given to (DL330 to DL333)."""

from __future__ import annotations

from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic
from dlspec.late import late_dataclass


@late_dataclass
class MissingFeed(Diagnostic):
    """A graph was run without one of its inputs or weights.

    Wrong:
        >>> run(graph, {}, weights)

    Right:
        >>> run(graph, {"image": pixels}, weights)
    """

    code: ClassVar[str] = "DL330"
    title: ClassVar[str] = "`{graph}` was given no {what} `{name}`"
    label: ClassVar[str] = "wanted is {type}"
    graph: str
    what: str
    name: str
    type: str


@late_dataclass
class UnknownFeed(Diagnostic):
    """A graph was given an array for an input that it does not have.

    Wrong:
        >>> run(graph, {"picture": pixels}, weights)

    Right:
        >>> run(graph, {"image": pixels}, weights)
    """

    code: ClassVar[str] = "DL331"
    title: ClassVar[str] = "`{graph}` has no input `{name}`"
    note: ClassVar[tuple[str, ...]] = ("its inputs: {known}",)
    help: ClassVar[tuple[str, ...]] = ("did you mean `{guess}`?",)
    graph: str
    name: str
    known: str
    guess: str | None = None


@late_dataclass
class FeedMisfit(Diagnostic):
    """An array has another rank, size or element type than its input or weight is declared with;
    one symbol has one size.

    Wrong:
        >>> run(graph, {"image": zeros((28, 28))}, weights)

    Right:
        >>> run(graph, {"image": zeros((1, 28, 28))}, weights)
    """

    code: ClassVar[str] = "DL332"
    title: ClassVar[str] = "{what} `{name}` is {actual}, expected {expected}"
    label: ClassVar[str] = "declared as {type}"
    what: str
    name: str
    type: str
    actual: str
    expected: str


@late_dataclass
class IdOutOfRange(Diagnostic):
    """An id has no place in what it selects from: a table, scores, an axis of a tensor.

    To prove a network, ids are drawn. How many there are is known where an input says of what it
    holds ids, or from what reads it; where it is calculated with before, it is not.

    Wrong:
        network n {
            input day: int[N]
            output y = embed(day - 1, 7, 4)
        }

    Right:
        const days = vocabulary(0..6)
        network n {
            input day: int[N] of days
            output y = embed(day, 7, 4)
        }
    """

    code: ClassVar[str] = "DL333"
    title: ClassVar[str] = "`{node}` was given an id that it has no place for"
    label: ClassVar[str] = "{reason}"
    help: ClassVar[tuple[str, ...]] = (
        "say what an input of ids holds: `const days = vocabulary(0..6)`, "
        "`input day: int[N] of days`",
    )
    node: str
    reason: str
