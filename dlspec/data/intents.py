"""Sentences that tell a house what to do, with their intents and slots.

They are no utterances of people: each is drawn from a template of Home Assistant's (862 in
English, written by hand for 42 intents), and what fills a slot from the package's lists or, where
those are open, from the lists here. Who learns them learns the templates; with
``by = template`` the tested ones are others than the learnt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from dlspec.data.columns import Columns
from dlspec.data.fetch import package_named, ready
from dlspec.data.packages import COMMANDS
from dlspec.data.templates import Speaker, Template, parse, tagged
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import CacheCorrupt
from dlspec.randomness import generator
from dlspec.source import Span

OPEN: Mapping[str, tuple[str, ...]] = {
    "area": (
        "kitchen",
        "living room",
        "bedroom",
        "guest bedroom",
        "bathroom",
        "hall",
        "office",
        "garage",
        "dining room",
        "laundry room",
        "nursery",
        "attic",
        "cellar",
        "garden",
        "front porch",
        "library",
    ),
    "floor": ("ground", "first", "second", "third", "top", "basement", "upstairs", "downstairs"),
    "name": (
        "desk lamp",
        "reading light",
        "coffee maker",
        "ceiling fan",
        "front door",
        "robot",
        "left curtain",
        "heater",
        "thermostat",
        "television",
        "radio",
        "kettle",
        "christmas tree",
        "back gate",
        "kids speaker",
        "movie night",
        "washing machine",
        "garden sprinkler",
        "groceries",
        "anna",
    ),
    "zone": ("home", "work", "school", "the gym", "grandma's house", "the train station"),
    "message": (
        "dinner is ready",
        "the bus leaves in five minutes",
        "time for bed",
        "i am on my way home",
        "who left the fridge open",
    ),
    "search_query": (
        "abbey road",
        "the four seasons",
        "hey jude",
        "miles davis",
        "the daily news",
        "songs for rainy days",
        "space odyssey",
        "beethoven",
    ),
    "timer_name": ("pizza", "tea", "laundry", "bread dough", "homework", "eggs", "the oven"),
    "timer_command": (
        "open the blinds",
        "turn off the radio",
        "lock the front door",
        "start the washing machine",
    ),
    "shopping_list_item": (
        "milk",
        "brown bread",
        "apples",
        "olive oil",
        "tooth paste",
        "two lemons",
        "oat flakes",
    ),
    "todo_list_item": (
        "call the dentist",
        "water the plants",
        "pay the rent",
        "clean the windows",
        "book a flight",
    ),
}
"""What fills the slots that are a household's own, or anything one says."""


def read_intents(sentences: int, span: Span | None = None, seed: int = 0) -> Columns:
    """About so many sentences, as many from each template, no two alike; drawn by a seed.

    ``sentence`` in lower case; ``tags``, one for each word: `B-area` begins what fills the slot
    `area`, `I-area` goes on, `O` is no slot's; ``intent``, such as `HassTurnOn`; ``template``, the
    number of the one it was drawn from.

    Raises:
        DlspecError: DL615 to DL618 where the package cannot be had.
    """
    path = ready(package_named("intents")) / COMMANDS
    try:
        book: dict[str, Any] = json.loads(path.read_bytes())
        rules = {name: parse(text) for name, text in book["expansion_rules"].items()}
        templates = [
            (intent, parse(text))
            for intent, told in book["intents"].items()
            for block in told["data"]
            for text in block["sentences"]
        ]
        lists: dict[str, dict[str, Any]] = book["lists"]
        values = {name: _ways(told) for name, told in lists.items() if "values" in told}
        drawn = _drawn(templates, rules, lists, values, sentences, seed)
    except (ValueError, KeyError) as error:
        raise DlspecError(CacheCorrupt(span, "intents", str(path), f"({error})")) from error
    return {
        "sentence": np.array([" ".join(words) for words, _, _, _ in drawn], object),
        "tags": np.array([" ".join(tags) for _, tags, _, _ in drawn], object),
        "intent": np.array([intent for _, _, intent, _ in drawn], object),
        "template": np.array([number for _, _, _, number in drawn], np.int64),
    }


def _drawn(
    templates: list[tuple[str, Template]],
    rules: Mapping[str, Template],
    lists: Mapping[str, dict[str, Any]],
    values: Mapping[str, tuple[Template, ...]],
    sentences: int,
    seed: int,
) -> list[tuple[list[str], list[str], str, int]]:
    """Words, tags, intent and template's number of each sentence, in the templates' order."""
    rng = generator(seed, "intents")

    def value(name: str) -> str:
        if name in values:
            way = values[name][int(rng.random() * len(values[name]))]
            return "".join(text for text, _ in speaker.say(way))
        if name in OPEN:
            return OPEN[name][int(rng.random() * len(OPEN[name]))]
        span = lists[name]["range"]
        step = int(span.get("step", 1))
        count = (int(span["to"]) - int(span["from"])) // step + 1
        return str(int(span["from"]) + step * int(rng.random() * count))

    speaker = Speaker(rules, value, rng)
    each = max(1, round(sentences / len(templates)))
    known: set[str] = set()
    found: list[tuple[list[str], list[str], str, int]] = []
    for number, (intent, template) in enumerate(templates):
        for _ in range(each):
            words, tags = tagged(speaker.say(template))
            if (text := " ".join(words)) not in known:
                known.add(text)
                found.append((words, tags, intent, number))
    return found


def _ways(told: dict[str, Any]) -> tuple[Template, ...]:
    return tuple(parse(v if isinstance(v, str) else v["in"]) for v in told["values"])
