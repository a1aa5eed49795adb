"""What the scores of a model stand for: the classes of the ids that are chosen of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlspec.bundle.manifest import OutputSpec


def labels_of(outputs: Sequence[OutputSpec]) -> Mapping[str, tuple[str, ...]]:
    """The class names of the last axes of scores, by output.

    They are those of the ids that the bundle says were chosen of them; where it does not say, those
    of the ids beside them, if there are no others of as many classes.
    """
    found = ((o.name, _labels(o, outputs)) for o in outputs)
    return {name: labels for name, labels in found if labels is not None}


def _labels(output: OutputSpec, outputs: Sequence[OutputSpec]) -> tuple[str, ...] | None:
    if output.classes is not None or not output.dims:
        return None
    beside = [o for o in outputs if output.ids in (None, o.name)]
    fitting = {o.classes for o in beside if str(len(o.classes or ())) == output.dims[-1]}
    return fitting.pop() if len(fitting) == 1 else None
