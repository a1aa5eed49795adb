"""Checks what an application gives before an engine sees it.

Engines check little: ONNX Runtime lets one symbolic dimension have two sizes, and aborts the
process on some empty inputs. Checks are prepared once per model, so that a call pays a few
microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.bundle.manifest import InputSpec
from dlspec.late import LateModule
from dlspec.runtime.convert import converted
from dlspec.runtime.sequences import check_alike, check_lengths, padded
from dlspec.runtime.sizes import dim_of

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

Array = NDArray[Any]


class Port:
    """One input's checks: rank, fixed axes, axes that are a symbol, axes that are an expression."""

    __slots__ = (
        "classes",
        "dims",
        "dtype",
        "expressions",
        "fixed",
        "name",
        "origin",
        "rank",
        "spec",
        "steps",
        "symbols",
        "within",
    )

    def __init__(self, spec: InputSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self.origin = spec.origin
        self.dtype = np.dtype(spec.dtype)
        self.rank = len(spec.dims)
        self.dims = tuple(dim_of(d) for d in spec.dims)
        self.classes = len(spec.classes) if spec.classes is not None else 0
        self.steps: str | None = None
        self.within: str | None = None
        self.fixed = tuple((a, d.value) for a, d in enumerate(self.dims) if d.value is not None)
        self.symbols = tuple((a, d.symbol) for a, d in enumerate(self.dims) if d.symbol is not None)
        self.expressions = tuple(
            (a, d) for a, d in enumerate(self.dims) if d.value is None and d.symbol is None
        )


class Feeds:
    """Turns what is given into arrays by input name, checked. ``bounds`` are those of the engine
    ``engine``, ``least`` the least sizes that the network takes."""

    def __init__(
        self,
        inputs: Sequence[InputSpec],
        bounds: Mapping[str, tuple[int, int]],
        engine: str,
        least: Mapping[str, int] | None = None,
    ) -> None:
        self.ports = [Port(i) for i in inputs]
        self._given = [p for p in self.ports if p.origin == "data"]
        ragged = {p.spec.symbol for p in self.ports if p.origin == "lengths"}
        for port in self._given:
            port.steps = next((s for a, s in port.symbols if a == 1 and s in ragged), None)
            port.within = next((s for a, s in port.symbols if a == 2 and s in ragged), None)
        self._drawn = [p for p in self.ports if p.origin != "data"]
        self._names = {p.name for p in self.ports}
        self._bounds = tuple((s, low, high) for s, (low, high) in bounds.items())
        self._engine = engine
        self._least = dict(least or {})
        # what examples that differ in length are filled up to, if all of them are shorter
        self._room = {s: max(low, self._least.get(s, 1)) for s, low, _ in self._bounds}
        self._room = self._least | self._room
        self.symbols = {s for p in self.ports for d in p.dims for s in d.symbols}
        self.symbols |= {p.spec.symbol for p in self.ports if p.spec.symbol is not None}

    def bind(
        self, given: Mapping[str, object], seed: int | None
    ) -> tuple[dict[str, Array], int | None]:
        """The arrays for the engine, and the seed that noise was drawn from (None where none was
        drawn).

        Raises:
            DlspecError: DL660 to DL676, one of them, for what does not fit.
        """
        arrays: dict[str, Array] = {}
        sizes: dict[str, int] = {}
        padders: dict[str, str] = {}
        for port in self._given:
            value = given.get(port.name)
            if value is None:
                self._check_names(given)
                raise faults.DlspecError(faults.MissingInput(None, port.name, port.spec.type))
            if port.steps is not None:
                if not isinstance(value, np.ndarray):
                    value, given = self._padded(port, port.steps, value, given, padders)
                elif self._room:
                    value, given = self._filled(port, port.steps, value, given)
            arrays[port.name] = _fit(port, value, sizes, arrays)
        if self._drawn or len(arrays) != len(given):
            seed = self._complete(given, arrays, sizes, seed)
        for port in self._given:
            if port.expressions:
                _fit_expressions(port, arrays[port.name], sizes)
        for symbol, low in self._least.items():
            size = sizes.get(symbol, low)
            if size < low:
                raise faults.DlspecError(
                    faults.SizeTooSmall(None, self._holder(symbol), symbol, size, low)
                )
        for symbol, low, high in self._bounds:
            size = sizes.get(symbol)
            if size is not None and not low <= size <= high:
                name = self._holder(symbol)
                raise faults.DlspecError(
                    faults.OutOfBounds(None, name, symbol, size, low, high, self._engine)
                )
        return arrays, seed

    def _padded(
        self,
        port: Port,
        steps: str,
        value: object,
        given: Mapping[str, object],
        padders: dict[str, str],
    ) -> tuple[Array, Mapping[str, object]]:
        """One array of examples that differ in length, and what is given with their lengths;
        ``padders`` are the inputs that other lengths come from."""
        nested = port.within is not None
        symbols = (steps, port.within or "")
        room = (self._room.get(steps, 1), self._room.get(port.within or "", 1))
        array, lengths = padded(port.spec, value, port.dtype, nested=nested, room=room)
        check_lengths(port.spec, value, symbols, lengths, self._bounds, self._engine)
        for symbol, found in zip(symbols, lengths, strict=False):
            name = f"{symbol}_lengths"
            if symbol in padders:
                check_alike(symbol, padders[symbol], port.name, given[name], found)
            elif name not in given:
                padders[symbol] = port.name
                given = {**given, name: found}
        return array, given

    def _filled(
        self, port: Port, steps: str, value: Array, given: Mapping[str, object]
    ) -> tuple[Array, Mapping[str, object]]:
        """An array that is shorter than the network takes with 0 behind, and what is given with
        the lengths that it has."""
        lack = [0] * value.ndim
        for axis, symbol in ((1, steps), (2, port.within)):
            if symbol is None or axis >= value.ndim or not value.shape[axis]:
                continue
            lack[axis] = max(0, self._room.get(symbol, 1) - value.shape[axis])
            name = f"{symbol}_lengths"
            if lack[axis] and name not in given:
                full = np.full(value.shape[:axis], value.shape[axis], np.int32)
                given = {**given, name: full}
        if not any(lack):
            return value, given
        return np.pad(value, [(0, n) for n in lack]), given

    def _holder(self, symbol: str) -> str:
        return next(p.name for p in self.ports if any(s == symbol for _, s in p.symbols))

    def _check_names(self, given: Mapping[str, object]) -> None:
        for name in given:
            if name not in self._names and name not in self.symbols:
                known = ", ".join(p.name for p in self.ports)
                near = faults.did_you_mean(name, self._names)
                raise faults.DlspecError(faults.UnknownInput(None, name, known, near))

    def _complete(
        self,
        given: Mapping[str, object],
        arrays: dict[str, Array],
        sizes: dict[str, int],
        seed: int | None,
    ) -> int | None:
        """Sizes given by name, lengths, noise; and what has a name that is no input's."""
        self._check_names(given)
        for symbol in self.symbols:
            size = given.get(symbol)
            if symbol not in self._names and isinstance(size, int) and not isinstance(size, bool):
                if sizes.setdefault(symbol, size) != size:
                    holder = self._holder(symbol)
                    differ = faults.SymbolsDiffer(
                        None, symbol, holder, sizes[symbol], "the call", size
                    )
                    raise faults.DlspecError(differ)
                if size < 1:
                    raise faults.DlspecError(faults.EmptyFeed(None, symbol, str(size), symbol))
        used: int | None = None
        for port in self._drawn:
            value = given.get(port.name)
            if value is not None:
                array = _fit(port, value, sizes, arrays)
                _fit_expressions(port, array, sizes)
            elif port.origin == "lengths":
                array = np.full(
                    _shape(port, sizes), _size(port.spec.symbol or "", sizes), port.dtype
                )
            else:
                if used is None:
                    used = _fresh_seed() if seed is None else seed
                array = _noise(port, _shape(port, sizes), used)
            if port.origin == "lengths":
                _check_lengths(port, array, sizes)
            arrays[port.name] = array
        return used


def _fit(port: Port, value: object, sizes: dict[str, int], earlier: Mapping[str, Array]) -> Array:
    """The checked array; sizes of symbols are added. Runs for each input of each call."""
    if type(value) is np.ndarray and value.dtype == port.dtype:
        array: Array = value
    else:
        array = converted(port.spec, value, port.dtype)
    shape = array.shape
    if len(shape) != port.rank:
        raise faults.DlspecError(_rank(port, shape))
    for axis, size in port.fixed:
        if shape[axis] != size:
            expected = faults.FeedDim(
                None, port.name, axis, _text(shape), port.spec.type, str(size)
            )
            raise faults.DlspecError(expected)
    for axis, symbol in port.symbols:
        size = shape[axis]
        if sizes.setdefault(symbol, size) != size:
            first = next((n for n, a in earlier.items() if sizes[symbol] in a.shape), port.name)
            raise faults.DlspecError(
                faults.SymbolsDiffer(None, symbol, first, sizes[symbol], port.name, size)
            )
        if size < 1:
            raise faults.DlspecError(faults.EmptyFeed(None, port.name, _text(shape), symbol))
    if port.classes and array.size:
        for end in (int(array.min()), int(array.max())):
            if not 0 <= end < port.classes:
                wrong = faults.FeedRange(
                    None, port.name, str(end), "0", str(port.classes - 1), "id of its classes"
                )
                raise faults.DlspecError(wrong)
    return array


def _fit_expressions(port: Port, array: Array, sizes: Mapping[str, int]) -> None:
    for axis, dim in port.expressions:
        missing = sorted(dim.symbols - sizes.keys())
        if missing:
            raise faults.DlspecError(faults.SizeMissing(None, missing[0]))
        size = dim.evaluate(sizes)
        if array.shape[axis] != size:
            text = f"{dim} = {size}"
            raise faults.DlspecError(
                faults.FeedDim(None, port.name, axis, _text(array.shape), port.spec.type, text)
            )


def _rank(port: Port, shape: tuple[int, ...]) -> faults.Diagnostic:
    fix: str | None = None
    if len(shape) == port.rank - 1 and port.symbols and port.symbols[0][0] == 0:
        fix = f"a single example still needs its axis {port.spec.dims[0]}: `{port.name}[None]`"
    return faults.FeedRank(None, port.name, _text(shape), port.spec.type, fix)


def _size(symbol: str, sizes: Mapping[str, int]) -> int:
    if symbol not in sizes:
        raise faults.DlspecError(faults.SizeMissing(None, symbol))
    return sizes[symbol]


def _shape(port: Port, sizes: Mapping[str, int]) -> tuple[int, ...]:
    for symbol in sorted({s for d in port.dims for s in d.symbols}):
        _size(symbol, sizes)
    return tuple(d.evaluate(sizes) for d in port.dims)


def _check_lengths(port: Port, array: Array, sizes: Mapping[str, int]) -> None:
    most = sizes.get(port.spec.symbol or "")
    if most is None or not array.size:
        return
    for end in (int(array.min()), int(array.max())):
        if not 0 <= end <= most:
            raise faults.DlspecError(faults.LengthOutOfRange(None, port.name, end, most))


def _noise(port: Port, shape: tuple[int, ...], seed: int) -> Array:
    from dlspec.runtime.noise import drawn

    return drawn(port.spec, shape, seed)


def _fresh_seed() -> int:
    from secrets import randbits

    return randbits(63)


def _text(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"
