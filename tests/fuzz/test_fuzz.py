"""Whatever is written, dlspec understands it or says what is wrong: no crash, no hang, no flood."""

from __future__ import annotations

import pytest

from tests.fuzz import campaign
from tests.fuzz.judge import judge
from tests.fuzz.seeds import ROOT, seeds


def told(found: list[campaign.Found], seed: int) -> str:
    """The findings, each with the command that shows it."""
    command = f"python -m tests.fuzz --seed {seed} --count 1 --first"
    return "\n".join(f"{f.what}: {f.detail}   ({command} {f.number})" for f in found)


def campaign_of(seed: int, count: int, chunk: int) -> None:
    """Judge inputs; fails with what was found."""
    judged, found = 0, list[campaign.Found]()
    for done, some in campaign.run(seed, 0, count, chunk):
        judged += done
        found += some
    assert not found, told(found, seed)
    assert judged == count


@pytest.mark.timeout(600)  # half a minute on a machine of its own
def test_two_thousand_inputs() -> None:
    campaign_of(seed=7, count=2000, chunk=1000)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_inputs() -> None:
    campaign_of(seed=1, count=100_000, chunk=2000)


def test_an_input_is_a_function_of_seed_and_number() -> None:
    texts = [campaign.text_of(3, n) for n in range(50)]
    assert texts == [campaign.text_of(3, n) for n in range(50)]
    assert len(set(texts)) > 45


def test_the_seeds_themselves_are_taken_well() -> None:
    assert len(seeds()) > 200
    assert [f for text in seeds() if (f := judge(text.encode(), ROOT / "specs"))] == []


REGRESSIONS = {
    "a declared bfloat16": "network n { input x: bfloat16[N, 2]; output y = x / 255 }",
    "a path that is too long": f'import "{"a/" * 3000}b.dl"',
    "a path with a zero byte": 'import "a\x00.dl"',
    "a typographic quote at the end": "network n { input x: float[N]; output y = x } ”",
    "a loop of a thousand million rounds": (
        "network n { input x: float[N]; for i in 1..1000000000 { x = x + 1 }; output y = x }"
    ),
}


@pytest.mark.parametrize("text", REGRESSIONS.values(), ids=REGRESSIONS)
def test_what_was_found_once(text: str) -> None:
    assert judge(text.encode(), ROOT / "specs") is None


def test_findings_are_found() -> None:
    """The judge is no rubber stamp: a span outside, a code that is not catalogued."""
    from dataclasses import replace

    from dlspec.diagnostics.slips import UnclosedString
    from dlspec.source import SourceFile, Span
    from tests.fuzz.judge import told_well

    good = UnclosedString(Span(SourceFile("a.dl", "abc"), 0, 3))
    assert told_well(good) is None
    bad = told_well(replace(good, span=Span(SourceFile("a.dl", "abc"), 1, 9)))
    assert bad is not None
    assert bad.what == "span"
