"""What differs between a kept run of an experiment and what it would be now, in a user's words."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LENGTH = re.compile(r"(\S+) epochs, (\S+) steps\Z")
_PAIR = re.compile(r"'(\w+)': ('[^']*'|\w+\([^)]*\)+|[^,}]+)")


def setting_changes(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """How a run was made: "with `--set rate=0.5`, without `--set epochs=3`"; empty where the
    settings from outside are those of now."""
    given = [f"`--set {n}={v}`" for n, v in was.items() if now.get(n) != v]
    lacking = [f"`--set {n}={v}`" for n, v in now.items() if n not in was]
    parts = [("with", given), ("without", lacking)]
    return ", ".join(f"{word} {' and '.join(every)}" for word, every in parts if every)


def text_changes(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The topics of a fingerprint that differ, with both values where they say something."""
    from dlspec.train.fingerprint import changes

    found: list[str] = []
    told = changes(dict(was), dict(now))
    topics = [t for t in [*was, *(n for n in now if n not in was)] if was.get(t) != now.get(t)]
    networks = any(t.startswith("network or loss") for t in topics)
    for topic, text in zip(topics, told, strict=True):
        before, after = was.get(topic), now.get(topic)
        if networks and topic.startswith("what `"):
            continue  # follows from it
        if before is None or after is None:
            found.append(text)
            continue
        pairs = _parts(topic, before), _parts(topic, after)
        names = [*pairs[0], *(n for n in pairs[1] if n not in pairs[0])]
        inner = [
            f"`{n}` ({pairs[0].get(n, 'none')} before, {pairs[1].get(n, 'none')} now)"
            for n in names
            if pairs[0].get(n) != pairs[1].get(n)
        ]
        where = topic[topic.index(" of stage") :] if " of stage" in topic else ""
        found += [f"{t}{where}" for t in inner] or [text]
    return found


def _parts(topic: str, text: str) -> dict[str, str]:
    """The values in a fingerprint's text, by the names that they have in a spec."""
    if length := _LENGTH.match(text):
        values = zip(("epochs", "steps"), length.groups(), strict=True)
        return {n: v for n, v in values if v != "None"}
    if topic.startswith("optimizer") and text.count("{") == 1:
        kind, _, settings = text.partition(" ")
        return {"optimizer": kind, **dict(_PAIR.findall(_readable(settings)))}
    return {}


def _readable(text: str) -> str:
    """Schedules and lengths as a spec has them."""
    text = re.sub(r"Quantity\(value=([^,]+?)(?:\.0)?, unit='(\w+)'\)", r"\1 \2", text)
    return re.sub(r"Schedule\(kind='(\w+)', arguments=\((.*?),?\)\)", r"\1(\2)", text)
