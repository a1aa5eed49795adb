"""Slot filling, cells that remember and sentiment on real texts: a little training, a bundle, texts
in and their answers out, here and over HTTP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlspec.driver import open_spec
from tests.zoo.carried_out import ROOT, carried_out

pytestmark = pytest.mark.filterwarnings("ignore::dlspec.runtime.model.ProvedLessWarning")
ADDRESSES = ("219 South Dearborn Second Floor", "Xqz", "1600 Pennsylvania Ave NW, Washington, DC")
FILLERS = {
    "alone": ("word",),
    "fill_jordan": ("hash",),
    "fill_deep": ("hash",),
    "fill": ("hash", "letters"),
}
MEMORIES = (
    "lstm(8, peephole = true)",
    "clockwork(8)",
    "scrn(8, 4)",
    'rnn(8, activation = "relu", recurrent = identity)',
)


@pytest.mark.parametrize("recipe", FILLERS)
def test_slots_of_addresses_are_filled(recipe: str, tmp_path: Path) -> None:
    _fills_slots("slots", recipe, {"units": "16"}, FILLERS[recipe], tmp_path)


@pytest.mark.parametrize("memory", MEMORIES)
def test_each_memory_fills_slots(memory: str, tmp_path: Path) -> None:
    _fills_slots("memories", "tag", {"memory": memory}, ("hash",), tmp_path)


def _fills_slots(
    spec: str, recipe: str, settings: dict[str, str], given: tuple[str, ...], folder: Path
) -> None:
    done = carried_out(spec, recipe, folder, settings=settings, examples=96, epochs=3)
    losses = done.losses()
    assert losses[-1] < losses[0]
    together = done.model(**{name: list(ADDRESSES) for name in given})
    slots = together.names("slot")
    for address, said in zip(ADDRESSES, slots, strict=True):
        assert len(said) == len(address.split())
        # an answer does not depend on what stands beside it
        assert done.model(**dict.fromkeys(given, address)).names("slot") == [said]
    rows = done.test.take(np.arange(3))
    within = {"hash": "G", "letters": "W"}
    symbols = ["T", *(within[name] for name in given if name in within)]
    feeds = {name: rows[name] for name in (*given, *(f"{s}_lengths" for s in symbols))}
    answered = np.asarray(done.served(**feeds)["slot"])
    assert answered.tolist() == np.asarray(done.model(**feeds)["slot"]).reshape(-1).tolist()


def test_sentiment_is_judged(tmp_path: Path) -> None:
    done = carried_out(
        "sentiment", "judge", tmp_path, settings={"units": "16"}, examples=160, epochs=3
    )
    losses = done.losses()
    assert losses[-1] < losses[0]
    texts = ["a gripping , moving film .", "dull", "the plot is thin and the jokes are old ."]
    together = done.model(text=texts)
    assert together["probability"].shape == (3, 2)
    for i, text in enumerate(texts):
        alone = done.model(text=text)["probability"]
        np.testing.assert_allclose(alone[0], together["probability"][i], rtol=1e-4)
    rows = done.test.take(np.arange(4))
    answered = done.served(text=rows["text"], T_lengths=rows["T_lengths"])
    assert set(answered["sentiment"]) <= {0, 1}
    np.testing.assert_allclose(np.reshape(answered["probability"], (4, 2)).sum(-1), 1, rtol=1e-5)


def test_intents_are_understood(tmp_path: Path) -> None:
    done = carried_out(
        "intents", "obey", tmp_path, settings={"units": "16"}, examples=160, epochs=3
    )
    losses = done.losses()
    assert losses[-1] < losses[0]
    texts = ["turn on the kitchen light", "eggs timer status"]
    together = done.model(sentence=texts)
    for i, text in enumerate(texts):
        alone = done.model(sentence=text)
        assert len(together.names("slot")[i]) == len(text.split())
        assert alone.names("slot") == [together.names("slot")[i]]
        assert alone.names("intent") == [together.names("intent")[i]]
    rows = done.test.take(np.arange(3))
    feeds = {name: rows[name] for name in ("sentence", "T_lengths")}
    answered = done.served(**feeds)
    assert answered["intent"] == np.asarray(done.model(**feeds)["intent"]).tolist()


def test_the_lectures_networks_are_of_one_size() -> None:
    """What is compared differs in what it remembers, not in how much it may learn."""
    counts = {}
    for memory in ("elman(64)", "jordan(64, 32)", "clockwork(64)", "scrn(56, 8)", "lstm(64)"):
        spec = open_spec(ROOT / "specs" / "memories.dl", {"memory": memory})
        counts[memory] = sum(
            int(np.prod([d.evaluate({}) for d in p.type.shape]))
            for p in spec.networks["remembering"].graph.parameters
        )
    smallest, largest = min(counts.values()), max(counts.values())
    assert largest < 1.2 * smallest, counts
