"""Captions of pictures and of videos: learnt a little, built, answered in words."""

from __future__ import annotations

from pathlib import Path

from dlspec.data.moving_shapes import SENTENCES
from tests.zoo.carried_out import carried_out


def test_pictures_are_told(tmp_path: Path) -> None:
    small = {"caption.units": "16"}
    done = carried_out(
        "captions", "name_pictures", tmp_path, settings=small, examples=256, epochs=4
    )
    losses = done.losses()
    assert losses[-1] < losses[0]
    image = done.test.take(range(3))["image"]
    answer = done.model(image=image)
    told = answer.text("said")
    assert len(told) == 3 and all(len(text.split()) <= 9 for text in told)
    assert "<unknown>" not in " ".join(told), "every word of the training captions is known"
    served = done.served(image=image)
    assert served["said"] == told
    assert served["L_lengths"] == [len(text.split()) for text in told]


def test_videos_are_told(tmp_path: Path) -> None:
    """Of different lengths, alone or beside longer ones."""
    small = {"caption_video.units": "16"}
    done = carried_out("captions", "tell_videos", tmp_path, settings=small, examples=256, epochs=4)
    losses = done.losses()
    assert losses[-1] < losses[0]
    videos = [done.test["video"][i] for i in range(4)]
    assert len({len(v) for v in videos}) > 1
    together = done.model(video=videos).text("said")
    assert together == [done.model(video=[v]).text("said")[0] for v in videos]
    words = {word for sentence in SENTENCES for word in sentence.split()}
    assert all(set(text.split()) <= words for text in together)
    assert all(text.split()[0] == "a" for text in together), "this is learnt at once"
