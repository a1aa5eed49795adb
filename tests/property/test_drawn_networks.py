"""No false alarm: drawn correct networks verify against ONNX Runtime."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from dlspec.diagnostics import DlspecError
from tests.property.drawn import spec_text
from tests.property.drawn_proof import Proof, compiled, corrected, prove, shrunk, still_fails

pytestmark = pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0")  # PyTorch's own
QUICK = range(60)
LONG = range(1000, 1500)
UNSURE = 0.15
"""Of all outputs, so many may be undetermined or insensitive at most; they are said to be."""
WITH_TORCH = 6
"""Every so many-th network is verified with PyTorch too."""


@cache
def proved(seed: int) -> Proof:
    """A drawn network, verified."""
    text, _ = corrected(spec_text(seed))
    return prove(text, seed, use_torch=seed % WITH_TORCH == 0)


def assert_right(seed: int) -> None:
    """Fails with the smallest part of the spec that fails alike."""
    found = proved(seed)
    if found.is_alarm:
        text, _ = corrected(spec_text(seed))
        small = shrunk(text, still_fails(seed, use_torch=seed % WITH_TORCH == 0))
        pytest.fail(f"a false alarm of seed {seed}:\n{small}\n" + "\n".join(found.errors))


def assert_mostly_sure(seeds: range) -> None:
    """Undetermined and insensitive outputs are rare, and many ops take part."""
    statuses = Counter(s for seed in seeds for s in proved(seed).outputs.values())
    ops = set[str]().union(*(proved(seed).ops for seed in seeds))
    unsure = statuses["undetermined"] + statuses["insensitive"]
    total = sum(statuses.values())
    print(f"{len(seeds)} networks, {len(ops)} ops, outputs: {dict(statuses)}")
    assert statuses["pass"] + unsure == total
    assert unsure <= UNSURE * total, statuses
    assert len(ops) > 70, sorted(ops)


@pytest.mark.parametrize("seed", QUICK)
def test_no_false_alarm(seed: int) -> None:
    assert_right(seed)


def test_verdicts_are_mostly_sure() -> None:
    assert_mostly_sure(QUICK)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_false_alarm_in_the_long_run() -> None:
    for seed in LONG:
        assert_right(seed)
    assert_mostly_sure(LONG)


def test_drawing_is_deterministic_and_mostly_right() -> None:
    """What the compiler refuses of drawn statements is little, and every text compiles then."""
    refused = lines = 0
    for seed in QUICK:
        text = spec_text(seed)
        assert text == spec_text(seed)
        kept, told = corrected(text)
        compiled(kept)
        refused += len(told)
        lines += text.count("\n")
    assert refused < 0.06 * lines


ALARMS = {
    "a gate that is cut off, then a remainder": """\
network n {
    input x: float[N, 4, 10]
    output y = glu(prod(clip(x, -1.5, 1.5)), axis = 1) % 3
}
""",
    "equal by rounding": """\
network n {
    input x: float[N, 3, 8, 8]
    output y = sin(x) == x
}
""",
    "equal by rounding, then any": """\
network n {
    input x: float[N, 3, 6]
    h = 8 * x
    output y = (softplus(h) == h) -> any(axis = -1)
}
""",
    "one number has no unbiased deviation": """\
network n {
    input x: uint8[N, T, 4]
    output y = x -> std(axis = 1, keep = true)
}
""",
    "a sigmoid's error far below zero, times x": """\
network n {
    input x: float[N, 300]
    output y = silu(8 * x - 14)
}
""",
    "the sign of what is flushed": """\
network n {
    input x: float[N, 4, 10]
    h = -exp(-20 * abs(x) - 80)
    output y = h % 3
}
""",
    "a number without axes within": """\
network n {
    input x: float[N, 4]
    output y = x - mean(x * x, axis = none)
}
""",
    "a whole number for a factor": """\
network n {
    input x: float[N, 2, 3, 4, 3]
    output y = x -> lrn(size = 3, alpha = 0.5, beta = 0.5, k = 2)
}
""",
    "an output called as a value within": """\
network n {
    input x: float[N, 4]
    gentle = leaky_relu(x, 0.1)
    output gentle = gentle + sigmoid(gentle)
}
""",
}
"""Correct networks that verification, or what it computes with, once took for wrong."""


@pytest.mark.parametrize("name", ALARMS)
def test_what_was_a_false_alarm(name: str) -> None:
    for seed in range(6):
        found = prove(ALARMS[name], seed, use_torch=True)
        assert not found.is_alarm, "\n".join(found.errors)


def test_a_failure_is_shrunk() -> None:
    text = (
        "network n {\n    input x: float[N, 4]\n    a = relu(x)\n    b = tanh(x)\n"
        "    c = b + 1\n    output a\n    output c\n}\n"
    )

    def fails(small: str) -> bool:
        try:
            (plan,) = compiled(small).networks.values()
        except DlspecError:
            return False
        return any(n.op.name == "tanh" for n in plan.graph.nodes)

    assert shrunk(text, fails).split("\n")[2:4] == ["    b = tanh(x)", "    c = b + 1"]
