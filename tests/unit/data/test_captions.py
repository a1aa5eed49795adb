"""Captioned pictures, and videos that are drawn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dlspec.cli.main import main
from dlspec.data import open_source
from dlspec.data.captions import read_captions
from dlspec.data.emoji import read_emoji
from dlspec.data.moving_shapes import (
    COLOURS,
    LONGEST,
    MOTIONS,
    SENTENCES,
    SHORTEST,
    read_moving_shapes,
)
from dlspec.data.sequences import Sequences
from dlspec.ir.data_plan import EMOJI_STYLES


def test_captions_are_the_names_of_their_pictures() -> None:
    columns = read_captions(32)
    assert len(columns["caption"]) == len(columns["image"]) == 7146
    assert np.array_equal(columns["image"][:50], read_emoji(32)["image"][:50])
    said = Counter(str(c) for c in np.asarray(columns["caption"]))
    assert said["grinning face"] == 4 and said["cat with tears of joy"] == 4
    assert not any("-" in c for c in said)
    names = np.asarray(columns["name"])
    for caption in ("grinning face", "red apple", "sunflower"):
        assert len(set(names[np.asarray(columns["caption"]) == caption])) == 1
    apples = np.asarray(columns["image"])[np.asarray(columns["caption"]) == "red apple"]
    red, green, blue = apples.mean(axis=(0, 2, 3))
    assert red > 1.3 * green and red > 1.3 * blue


def test_no_name_is_in_two_parts() -> None:
    parts = open_source("captions")
    assert parts.validation is not None and parts.test is not None
    assert parts.train.fields["style"].classes == EMOJI_STYLES
    said = [set(map(str, p["caption"])) for p in (parts.train, parts.validation, parts.test)]
    assert not said[0] & said[1] and not said[0] & said[2] and not said[1] & said[2]


def watched(video: np.ndarray) -> tuple[str, tuple[float, float]]:
    """The colour of what stands out, and how far its middle moves down and to the right."""
    frames = video.astype(float).transpose(0, 2, 3, 1)
    loud = frames.max(-1) > 150
    middles = [np.argwhere(mask).mean(0) for mask in loud]
    paint = frames[loud].mean(0)
    named = {n: np.array(c) / np.linalg.norm(c) for n, c in COLOURS.items()}
    colour = max(named, key=lambda n: float(named[n] @ paint))
    down, right = middles[-1] - middles[0]
    return colour, (float(down), float(right))


def test_videos_show_what_is_told() -> None:
    columns = read_moving_shapes(240)
    videos = columns["video"]
    assert isinstance(videos, Sequences) and videos.shape == (240, None, 3, 24, 24)
    assert set(videos.lengths.tolist()) == set(range(SHORTEST, LONGEST + 1))
    areas: dict[str, list[float]] = {"small": [], "big": []}
    for i, caption in enumerate(map(str, np.asarray(columns["caption"]))):
        colour, moved = watched(videos[i])
        _, size, told, _, motion = caption.split(maxsplit=4)
        assert colour == told
        for found, way in zip(moved, MOTIONS[motion], strict=True):
            assert way == np.sign(round(found)) and abs(found) <= 14 and (abs(found) > 6 or not way)
        areas[size].append(float((videos[i].max(1) > 150).mean()))
    assert np.mean(areas["big"]) > 2 * np.mean(areas["small"])


@pytest.mark.parametrize("count", [1, 120, 250])
def test_sentences_are_equally_frequent(count: int) -> None:
    said = Counter(map(str, np.asarray(read_moving_shapes(count)["caption"])))
    assert set(said) <= set(SENTENCES) and sum(said.values()) == count
    assert max(said.values()) - (min(said.values()) if len(said) == len(SENTENCES) else 0) <= 1


def test_a_seed_decides() -> None:
    one, again, other = (read_moving_shapes(12, seed) for seed in (0, 0, 1))
    assert np.array_equal(one["video"][3], again["video"][3])
    assert list(one["caption"]) == list(again["caption"]) != list(other["caption"])


@pytest.mark.parametrize("name", ["captions", "moving_shapes"])
def test_sources_without_a_package_are_listed_and_shown(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "list"]) == 0
    assert f"\n  {name} " in capsys.readouterr().out
    assert main(["data", "show", name]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{name}: ") and "\ncaption " in shown
