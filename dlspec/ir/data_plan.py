"""What a spec says about data: the plan that semantics hands over, and the sources there are.

Everything here is known without opening a file: a spec compiles without its data. `dlspec.data`
carries plans out; a test asserts that its sources agree with `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dlspec.picture import Ground
from dlspec.source import Span
from dlspec.text import Pieces

SettingKind = Literal["int", "share", "text", "flag"]
"""`int`: a whole number from 1; `share`: such a count, or a part between 0 and 1; text; a flag."""


@dataclass(frozen=True)
class SourceCall:
    """A source and its settings, as in ``mnist(validation = 5000)``."""

    kind: str
    settings: Mapping[str, object]
    span: Span | None = None


@dataclass(frozen=True)
class VocabularyPlan:
    """A vocabulary that is made from a column of the training examples: the ``size`` ids are the
    three of `dlspec.text.SPECIAL` and the most frequent pieces."""

    name: str
    column: str
    by: Pieces
    size: int
    span: Span | None = None


@dataclass(frozen=True)
class FieldPlan:
    """One ``output``: a column under a name, with its declared type.

    ``dtype`` is NumPy's name; ``shape`` is that of one example (without N), None where any size
    will do; ``classes`` are the names that the integers stand for, None to keep the source's.
    ``steps`` is the symbol of the first axis where examples differ in length, ``within`` that of
    the second where their steps do too; ``vocabulary`` makes ids of text, with the stop symbol
    behind each example where ``ending``.
    """

    name: str
    column: str
    dtype: str
    shape: tuple[int | None, ...] = ()
    classes: tuple[str, ...] | None = None
    span: Span | None = None
    steps: str | None = None
    vocabulary: VocabularyPlan | None = None
    ending: bool = False
    within: str | None = None

    @property
    def ragged(self) -> tuple[str, ...]:
        """The symbols of the axes where examples differ in length."""
        return tuple(s for s in (self.steps, self.within) if s is not None)


@dataclass(frozen=True)
class SplitPlan:
    """How examples are parted.

    ``given``: the source's own test set stays as it is (none where it has none), and
    ``validation``, a count or a part, is drawn from the rest. ``random``: ``shares`` are the parts
    of train, validation and test (two shares: no test set, or the source's own), adding up to 1.
    With ``by`` all examples that have the same value in that column end in the same part.
    """

    kind: Literal["given", "random"]
    validation: int | float = 0.1
    shares: tuple[float, ...] = ()
    by: str | None = None
    span: Span | None = None


@dataclass(frozen=True)
class DataPlan:
    """A ``data`` definition. No ``outputs``: all columns under their own names."""

    name: str
    source: SourceCall
    outputs: tuple[FieldPlan, ...] = ()
    split: SplitPlan | None = None
    seed: int = 0
    span: Span | None = None
    vocabularies: tuple[VocabularyPlan, ...] = ()


@dataclass(frozen=True)
class ColumnSchema:
    """A column that a source has; the shape is per example, None where settings decide. ``rate`` is
    how many steps of a wave are a second, ``ground`` what grey pictures lie on."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] = ()
    classes: tuple[str, ...] | None = None
    rate: int | None = None
    ground: Ground | None = None


@dataclass(frozen=True)
class SettingSchema:
    """A setting of a source. ``default`` None without ``required``: may be left out."""

    name: str
    kind: SettingKind
    doc: str
    default: object = None
    required: bool = False

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        return {
            "int": "a whole number from 1",
            "share": "a count such as `5000`, or a part such as `10%`",
            "text": 'a text such as `"digits.npz"`',
            "flag": "true or false",
        }[self.kind]

    def accepts(self, value: object) -> bool:
        """Whether a value fits (None: where the setting may be left out)."""
        if value is None:
            return not self.required
        if self.kind == "text":
            return isinstance(value, str) and value != ""
        if self.kind == "flag":
            return isinstance(value, bool)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if isinstance(value, int):
            return value >= 1
        return self.kind == "share" and 0 < value < 1


@dataclass(frozen=True)
class SourceSchema:
    """A source: its settings in order (positional arguments fill them), and its columns.

    ``columns`` None means that only the data tells (``npz``, ``csv``). Examples that have the same
    value in the column ``apart_by`` end in the same part of a split where the spec says nothing.
    """

    name: str
    doc: str
    settings: tuple[SettingSchema, ...]
    columns: tuple[ColumnSchema, ...] | None
    reads_files: bool
    apart_by: str | None = None

    def setting(self, name: str) -> SettingSchema | None:
        """The setting of this name."""
        return next((s for s in self.settings if s.name == name), None)

    def complete(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Those given, and the defaults of the rest."""
        return {s.name: settings.get(s.name, s.default) for s in self.settings}

    def columns_for(self, settings: Mapping[str, object]) -> tuple[ColumnSchema, ...] | None:
        """The columns under these settings: pictures of a given size know their shape."""
        if self.columns is None or self.setting("size") is None:
            return self.columns
        full = self.complete(settings)
        size, channels = full["size"], full.get("channels", 3)
        side = size if isinstance(size, int) else None
        depth = channels if isinstance(channels, int) else None
        return (ColumnSchema("image", "uint8", (depth, side, side)), *self.columns[1:])


DIGIT_NAMES = tuple(str(d) for d in range(10))
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
EMOJI_KINDS = (
    "Activities",
    "Animals & Nature",
    "Flags",
    "Food & Drink",
    "Objects",
    "People & Body",
    "Smileys & Emotion",
    "Symbols",
    "Travel & Places",
)
EMOJI_STYLES = ("noto", "twemoji", "openmoji", "fluent")


def _pictures_28(name: str, doc: str, classes: tuple[str, ...]) -> SourceSchema:
    return SourceSchema(
        name,
        doc,
        (
            SettingSchema("validation", "share", "taken from the 60,000 to validate", 5000),
            SettingSchema("labels", "int", "train on so few, evenly over the classes"),
        ),
        (
            ColumnSchema("image", "uint8", (28, 28), ground="black"),
            ColumnSchema("label", "int64", (), classes),
        ),
        reads_files=False,
    )


_TEST_FILE = SettingSchema("test", "text", "the test set, of the same kind")

SOURCES: dict[str, SourceSchema] = {
    s.name: s
    for s in (
        _pictures_28("mnist", "handwritten digits (LeCun et al., 1998)", DIGIT_NAMES),
        _pictures_28("fashion_mnist", "pieces of clothing (Xiao et al., 2017)", FASHION_NAMES),
        SourceSchema(
            "emoji",
            "emoji in four styles, in colour, by kind",
            (SettingSchema("size", "int", "rendered as squares of so many pixels", 32),),
            (
                ColumnSchema("image", "uint8", (3, None, None)),
                ColumnSchema("label", "int64", (), EMOJI_KINDS),
                ColumnSchema("style", "int64", (), EMOJI_STYLES),
                ColumnSchema("name", "int64"),
            ),
            reads_files=False,
            apart_by="name",
        ),
        SourceSchema(
            "captions",
            "emoji in four styles, and what they are called",
            (SettingSchema("size", "int", "rendered as squares of so many pixels", 32),),
            (
                ColumnSchema("image", "uint8", (3, None, None)),
                ColumnSchema("caption", "str"),
                ColumnSchema("style", "int64", (), EMOJI_STYLES),
                ColumnSchema("name", "int64"),
            ),
            reads_files=False,
            apart_by="name",
        ),
        SourceSchema(
            "moving_shapes",
            "videos of a shape that moves, and sentences that tell how; drawn by a seed",
            (SettingSchema("videos", "int", "so many, each sentence equally often", 2400),),
            (ColumnSchema("video", "uint8", (None, 3, 24, 24)), ColumnSchema("caption", "str")),
            reads_files=False,
        ),
        SourceSchema(
            "go_games",
            "positions of Go games as the 48 planes of AlphaGo, and the moves played there",
            (SettingSchema("games", "int", "the positions of so many games, at most 699", 200),),
            (
                ColumnSchema("planes", "uint8", (48, 19, 19)),
                ColumnSchema("move", "int64"),
                ColumnSchema("game", "int64"),
            ),
            reads_files=False,
            apart_by="game",
        ),
        SourceSchema(
            "cmudict",
            "English words and their phonemes",
            (),
            (ColumnSchema("word", "str"), ColumnSchema("phonemes", "str")),
            reads_files=False,
        ),
        SourceSchema(
            "descriptions",
            "what packages of Debian are, in English and in French or German",
            (SettingSchema("language", "text", '"fr" or "de"', "fr"),),
            tuple(ColumnSchema(name, "str") for name in ("english", "translation", "family")),
            reads_files=False,
            apart_by="family",
        ),
        SourceSchema(
            "spoken",
            "letters and digits spoken by many voices, at 8 kHz in -1..1",
            (
                SettingSchema("utterances", "int", "so many of synthesised voices to train", 6000),
                SettingSchema("recorded", "int", "so many of recordings to train besides"),
                SettingSchema("real", "flag", "test with recordings, not other voices", False),
            ),
            (
                ColumnSchema("wave", "float32", (None,), rate=8000),
                ColumnSchema("text", "str"),
                ColumnSchema("speaker", "str"),
            ),
            reads_files=False,
        ),
        SourceSchema(
            "usaddress",
            "addresses in the United States, and which part each word is",
            (),
            tuple(ColumnSchema(name, "str") for name in ("tokens", "tags", "alike")),
            reads_files=False,
            apart_by="alike",
        ),
        SourceSchema(
            "intents",
            "commands to a house with their intents and slots, drawn from templates by a seed",
            (SettingSchema("sentences", "int", "about so many, as many of each template", 8000),),
            (
                *(ColumnSchema(name, "str") for name in ("sentence", "tags", "intent")),
                ColumnSchema("template", "int64"),
            ),
            reads_files=False,
        ),
        SourceSchema(
            "sentiment",
            "short texts and how people rated their sentiment",
            (SettingSchema("of", "text", '"movie", "amazon", "nyt" or "tweets"', "movie"),),
            (
                ColumnSchema("text", "str"),
                ColumnSchema("label", "int64", (), ("negative", "positive")),
                ColumnSchema("score", "float64"),
                ColumnSchema("document", "str"),
            ),
            reads_files=False,
            apart_by="document",
        ),
        SourceSchema(
            "npz",
            "the arrays of a NumPy archive, N first",
            (SettingSchema("file", "text", "the archive", required=True), _TEST_FILE),
            None,
            reads_files=True,
        ),
        SourceSchema(
            "csv",
            "a table with a header; a column is int64, float64 or text",
            (
                SettingSchema("file", "text", "the table", required=True),
                _TEST_FILE,
                SettingSchema("separator", "text", "between cells", ","),
            ),
            None,
            reads_files=True,
        ),
        SourceSchema(
            "images",
            "pictures; each sub-folder is a class",
            (
                SettingSchema("folder", "text", "holds one folder a class", required=True),
                _TEST_FILE,
                SettingSchema("size", "int", "scaled to cover and cut to this square"),
                SettingSchema("channels", "int", "3 for colour, 1 for grey", 3),
            ),
            (
                ColumnSchema("image", "uint8", (None, None, None), ground="own"),
                ColumnSchema("label", "int64"),
            ),
            reads_files=True,
        ),
        SourceSchema(
            "idx",
            "a pair of files in the format of MNIST, gzipped or not",
            (
                SettingSchema("images", "text", "the examples", required=True),
                SettingSchema("labels", "text", "one integer each", required=True),
                SettingSchema("test_images", "text", "those of the test set"),
                SettingSchema("test_labels", "text", "those of the test set"),
            ),
            None,
            reads_files=True,
        ),
    )
}
"""Every source by name. ``gym`` and folders of recordings come with the systems that need them."""
