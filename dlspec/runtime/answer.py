"""What a model answers: arrays by output name, and the names of the classes that their ids stand
for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dlspec.bundle.manifest import OutputSpec
from dlspec.late import LateModule
from dlspec.text import decoded

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

Array = NDArray[Any]


class Answer(Mapping[str, Array]):
    """Arrays by output name: ``answer["digit"]`` or ``answer.digit``; ``answer.names("digit")``
    gives class names.

    ``seed`` is what noise was drawn from (None where the model has none), so that a call can be
    repeated.
    """

    __slots__ = ("_arrays", "_given", "_outputs", "seed")

    def __init__(
        self,
        outputs: Mapping[str, OutputSpec],
        arrays: list[Array],
        seed: int | None = None,
        given: Mapping[str, Array] | None = None,
    ) -> None:
        self._outputs = outputs
        self._arrays = arrays
        self._given = given or {}
        self.seed = seed

    def __getitem__(self, name: str) -> Array:
        for known, array in zip(self._outputs, self._arrays, strict=False):
            if known == name:
                return array
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._arrays)

    def __getattr__(self, name: str) -> Array:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            near = faults.did_you_mean(name, self._outputs)
            hint = f"; did you mean `{near}`?" if near else ""
            raise AttributeError(f"the answer has no output `{name}`{hint}") from None

    @property
    def given(self) -> Mapping[str, Array]:
        """The arrays that the engine was given by input name, lengths and noise among them."""
        return self._given

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """The class names of every output that has them, by output name."""
        return {n: o.classes for n, o in self._outputs.items() if o.classes is not None}

    def names(self, output: str) -> Any:
        """The ids of an output as class names, in lists nested as the array is; where examples
        differ in length, without what stands behind them.

        Raises:
            DlspecError: DL672 where there is no such output, or it has no classes.
        """
        spec = self._outputs.get(output)
        if spec is None or spec.classes is None:
            named = ", ".join(self.classes) or "no outputs with class names"
            raise faults.DlspecError(
                faults.UnknownOutput(None, output, named, faults.did_you_mean(output, self.classes))
            )
        if self[output].ndim == 0:
            return _named(self[output].tolist(), spec.classes)
        return [_named(row.tolist(), spec.classes) for row in self.rows(output)]

    def rows(self, output: str) -> list[Array]:
        """The examples of an output one by one, each without what stands behind its length."""
        array = self[output]
        dims = self._outputs[output].dims
        steps = f"{dims[1]}_lengths" if len(dims) > 1 else ""
        lengths = self._given.get(steps)
        if lengths is None and steps in self._outputs:
            lengths = self[steps]
        if lengths is None:
            return list(array)
        return [row[: int(n)] for row, n in zip(array, lengths, strict=True)]

    def text(self, output: str) -> list[str]:
        """The ids of an output as texts, one for each example.

        Raises:
            DlspecError: DL672 where there is no such output, or it has no vocabulary.
        """
        spec = self._outputs.get(output)
        if spec is None or spec.classes is None or spec.by is None:
            texts = [n for n, o in self._outputs.items() if o.by is not None and o.classes]
            named = ", ".join(texts) or "no outputs with a vocabulary"
            raise faults.DlspecError(
                faults.UnknownOutput(None, output, named, faults.did_you_mean(output, texts))
            )
        return [decoded(row.tolist(), spec.by, spec.classes) for row in self.rows(output)]

    def __repr__(self) -> str:
        lines: list[str] = []
        width = max(map(len, self._outputs), default=0)
        for name, array in self.items():
            with np.printoptions(
                precision=4, suppress=True, threshold=12, edgeitems=3, linewidth=10_000
            ):
                values = " ".join(str(array).split())
            if len(values) > 60:
                values = values[:57] + "..."
            shape = ", ".join(map(str, array.shape))
            line = f"  {name:<{width}}  {array.dtype}[{shape}] = {values}"
            if self._outputs[name].classes is not None and array.size <= 8:
                line += f"  ({_flat(self.names(name))})"
            lines.append(line)
        return "Answer\n" + "\n".join(lines)


def _named(ids: Any, classes: tuple[str, ...]) -> Any:
    if isinstance(ids, list):
        return [_named(i, classes) for i in cast("list[Any]", ids)]
    return classes[ids] if 0 <= ids < len(classes) else f"#{ids}"


def _flat(names: Any) -> str:
    if isinstance(names, list):
        return ", ".join(_flat(n) for n in cast("list[Any]", names))
    return str(names)
