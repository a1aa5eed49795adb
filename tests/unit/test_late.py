"""Dataclasses whose methods are made with the first instance."""

from __future__ import annotations

import dataclasses
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields

import pytest

from dlspec.late import finished, late_dataclass


def test_like_dataclass() -> None:
    @late_dataclass
    class Base:
        a: int

    @late_dataclass
    class Derived(Base):
        b: tuple[int, ...] = field(default=(1,))

    one = Derived(1)
    assert (one.a, one.b) == (1, (1,))
    assert one == Derived(1, (1,)) and hash(one) == hash(Derived(1))
    assert one != Derived(2) and one != Base(1)
    assert repr(one).endswith("Derived(a=1, b=(1,))")
    assert [f.name for f in fields(one)] == ["a", "b"]
    assert dataclasses.replace(one, a=3) == Derived(3)
    match one:
        case Derived(a, b):
            assert (a, b) == (1, (1,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.a = 2  # type: ignore[misc]
    with pytest.raises(TypeError, match="b"):
        Base(1, b=2)  # type: ignore[call-arg]


def test_base_first() -> None:
    """A base that has instances already, an ordinary dataclass, and a subclass without fields."""

    @dataclass(frozen=True)
    class Plain:
        a: int

    @late_dataclass
    class Late(Plain):
        b: int

        def __post_init__(self) -> None:
            assert self.b > 0

    class Bare(Late):
        pass

    assert Bare(1, 2) == Bare(1, 2) and Bare(1, 2) != Late(1, 2)
    assert [f.name for f in fields(finished(Late))] == ["a", "b"]
    with pytest.raises(AssertionError):
        Late(1, 0)


def test_finished_before_instances() -> None:
    @late_dataclass
    class Late:
        a: int = 0

    assert [f.name for f in fields(finished(finished(Late)))] == ["a"]  # type: ignore[arg-type]


def test_threads() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    for _ in range(50):

        @late_dataclass
        class Late:
            a: int

        with ThreadPoolExecutor(8) as pool:
            assert [x.a for x in pool.map(Late, range(32))] == list(range(32))
    sys.setswitchinterval(interval)
