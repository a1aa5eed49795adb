"""Addresses, commands and rated texts: real packages, fetched once into the cache."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dlspec.data import open_source
from dlspec.data.dataset import Splits
from dlspec.data.intents import read_intents
from dlspec.data.templates import Speaker, parse, tagged
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import BadDataSetting
from dlspec.randomness import generator


def _every(parts: Splits, name: str) -> list[str]:
    assert parts.validation is not None and parts.test is not None
    return [
        str(text) for part in (parts.train, parts.validation, parts.test) for text in part[name]
    ]


def _apart(parts: Splits, name: str) -> bool:
    assert parts.validation is not None and parts.test is not None
    found = [set(map(str, part[name])) for part in (parts.train, parts.validation, parts.test)]
    return not found[0] & found[1] | found[0] & found[2] | found[1] & found[2]


def test_every_word_of_an_address_has_a_tag() -> None:
    parts = open_source("usaddress")
    addresses, tags = _every(parts, "tokens"), _every(parts, "tags")
    assert len(addresses) == 1513
    counts = [(len(a.split()), len(t.split())) for a, t in zip(addresses, tags, strict=True)]
    assert all(a == t for a, t in counts) and sum(a for a, _ in counts) == 10_722
    slots = Counter(slot for text in tags for slot in text.split())
    assert len(slots) == 29
    assert slots.most_common(3) == [
        ("StreetName", 1860),
        ("PlaceName", 1510),
        ("AddressNumber", 1288),
    ]
    assert _apart(parts, "alike")


def test_commands_are_drawn_by_their_seed() -> None:
    parts = open_source("intents")
    sentences, tags = _every(parts, "sentence"), _every(parts, "tags")
    assert 7_000 < len(sentences) == len(set(sentences)) <= 8_000
    assert all(len(s.split()) == len(t.split()) for s, t in zip(sentences, tags, strict=True))
    assert len(set(_every(parts, "intent"))) == 42
    assert 800 < len(set(_every(parts, "template"))) <= 862
    kinds = Counter(tag for text in tags for tag in text.split())
    assert 30 <= len(kinds) <= 40 and kinds.most_common(1)[0][0] == "O"
    assert {tag[0] for tag in kinds} == {"O", "B", "I"}
    marks = set("".join(sentences)) & set("()[]{}<>|;")
    assert not marks
    for text in tags:  # what goes on has begun
        before = "O"
        for tag in text.split():
            assert tag[0] != "I" or before[1:] == tag[1:]
            before = tag
    again, other = read_intents(900), read_intents(900, seed=1)
    assert list(again["sentence"]) == list(read_intents(900)["sentence"])
    assert list(again["sentence"]) != list(other["sentence"])


def test_sentiment_is_the_sign_of_the_rating() -> None:
    parts = open_source("sentiment")
    texts, labels = _every(parts, "text"), _every(parts, "label")
    assert Counter(labels) == {"0": 5061, "1": 4982}
    words = [word for text in texts for word in text.split()]
    assert len(words) / len(texts) == pytest.approx(21.5, abs=0.1)  # marks are words of their own
    assert sum(w[0].isalnum() for w in words) / len(texts) == pytest.approx(18.8, abs=0.5)
    scores = np.array([float(s) for s in _every(parts, "score")])
    assert ((scores > 0) == (np.array(labels) == "1")).all() and np.abs(scores).min() > 0.5
    assert not any(text != text.lower() or "  " in text for text in texts)


@pytest.mark.parametrize(("of", "count"), [("amazon", 2943), ("nyt", 2788), ("tweets", 3362)])
def test_sentences_of_one_document_stay_together(of: str, count: int) -> None:
    parts = open_source("sentiment", {"of": of})
    assert len(_every(parts, "text")) == count and _apart(parts, "document")
    assert not any("& gt ;" in text or "& lt ;" in text for text in _every(parts, "text"))


def test_another_kind_of_text_is_told() -> None:
    with pytest.raises(DlspecError, match="tweets") as caught:
        open_source("sentiment", {"of": "books"})
    assert isinstance(caught.value.diagnostics[0], BadDataSetting)


def test_templates_say_all_they_can_and_no_more() -> None:
    rules = {"the": parse("(the|my)")}
    speaker = Speaker(rules, lambda name: f"{name} 7", generator(0, "test"))
    template = parse("set [<the>] {timer:slot}[%| percent] (on;now)")
    said = {" ".join(tagged(speaker.say(template))[0]) for _ in range(400)}
    assert said == {
        f"set {the}timer 7{unit} {end}"
        for the in ("", "the ", "my ")
        for unit in ("", "%", " percent")
        for end in ("on now", "now on")
    }
    words, tags = tagged(speaker.say(parse("{a}{b:c}% to {b:c}d")))
    assert words == ["a", "7b", "7%", "to", "b", "7d"]
    assert tags == ["B-a", "I-a", "B-c", "O", "B-c", "I-c"]


@pytest.mark.parametrize("text", ["(a", "a)", "[a)", "{a", "<a|b>", "(a|b;c)"])
def test_a_template_that_does_not_close_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="`"):
        parse(text)
