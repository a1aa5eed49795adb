"""The pages, in a real browser: drawing by mouse and by keyboard, the answer, the form."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serve.browser import Page, browser, executable


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if executable() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium on this machine, and CI must have one")
        pytest.skip("no Chromium on this machine")
    with browser() as made:
        yield made


@pytest.fixture
def rows(page: Page, address: str) -> Page:
    page.problems.clear()
    page.open(f"http://{address}/models/rows")
    page.until("document.querySelectorAll('.bar').length === 10")
    return page


def ink(page: Page) -> list[list[int]]:
    flat = page.value(
        "Array.from(document.getElementById('seen').getContext('2d')"
        ".getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 0)"
    )
    return [flat[28 * row : 28 * row + 28] for row in range(28)]


def centre(picture: list[list[int]]) -> tuple[float, float]:
    total = sum(map(sum, picture))
    y = sum(v * (i + 0.5) for i, row in enumerate(picture) for v in row) / total
    x = sum(v * (j + 0.5) for row in picture for j, v in enumerate(row)) / total
    return x, y


def test_drawing_asks_and_shows(rows: Page, tmp_path: Path) -> None:
    # all ink is centred, so that a level line lies in the middle: rows 12 to 16, digits 4 and 5
    rows.draw("#pad", [[(0.1, 0.2), (0.5, 0.2), (0.9, 0.2)]])
    rows.until("['4', '5'].includes(document.getElementById('headline').innerText)")
    assert rows.text(".bar.best span") == rows.text("#headline")
    assert "%" in rows.text(".bar.best span:last-child")
    assert "answered in" in rows.text("#timing")
    rows.press("Escape")  # not focused yet: nothing happens
    rows.value("document.getElementById('clear').click()")
    assert rows.text("#headline") == ""
    assert sum(map(sum, ink(rows))) == 0
    rows.screenshot(tmp_path / "page.png")
    assert rows.problems == []


@pytest.mark.parametrize(
    "strokes",
    [
        [[(0.05, 0.05), (0.05, 0.3)]],
        [[(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)]],
        [[(0.6, 0.6), (0.9, 0.6), (0.7, 0.95)]],
    ],
)
def test_the_picture_is_made_like_mnist(
    rows: Page, strokes: list[list[tuple[float, float]]]
) -> None:
    rows.draw("#pad", strokes)
    picture = ink(rows)
    inked = [i for i, row in enumerate(picture) if max(row) > 20]
    inked_x = [j for j in range(28) if max(row[j] for row in picture) > 20]
    longer = max(inked[-1] - inked[0], inked_x[-1] - inked_x[0]) + 1
    assert 19 <= longer <= 21
    x, y = centre(picture)
    assert abs(x - 14) < 0.6
    assert abs(y - 14) < 0.6
    assert len({v for row in picture for v in row}) > 5  # antialiased
    assert max(map(max, picture)) == 255


def test_a_click_makes_a_dot_in_the_middle(rows: Page) -> None:
    rows.draw("#pad", [[(0.1, 0.1)]])
    picture = ink(rows)
    assert sum(map(sum, picture)) > 500
    assert centre(picture) == pytest.approx((14, 14), abs=0.6)


def test_keyboard_alone(rows: Page) -> None:
    rows.value("document.getElementById('pad').focus()")
    rows.press(" ")
    for _ in range(8):
        rows.press("ArrowRight")
    rows.press(" ")
    rows.until("document.getElementById('headline').innerText !== ''")
    assert sum(map(sum, ink(rows))) > 0
    rows.press("z", modifiers=2)
    assert rows.text("#headline") == ""
    assert sum(map(sum, ink(rows))) == 0
    assert rows.problems == []


def test_facts_and_links(rows: Page, address: str) -> None:
    assert "trained" in rows.text("#badges")
    assert "edge/onnxruntime: verified" in rows.text("#badges")
    assert "uint8" in rows.text("#facts").lower()
    links = rows.value("Array.from(document.querySelectorAll('#facts a'), (a) => a.href)")
    assert len(links) == 3
    for link in links:
        assert httpx.get(link).status_code == 200
    hosts = rows.value("performance.getEntriesByType('resource').map((r) => new URL(r.name).host)")
    assert set(hosts) == {address}  # works with no network


def test_form_for_other_inputs(page: Page, address: str) -> None:
    page.problems.clear()
    page.open(f"http://{address}/models/slow")
    page.until("document.querySelector('#form button') !== null")
    assert "untrained" in page.text("#badges")
    page.value("document.getElementById('input-x').value = '[[1, 2], [3]]'")
    page.value("document.querySelector('#form button').click()")
    problem = page.until("document.getElementById('problem').innerText")
    assert "its lists are uneven" in problem
    page.value("document.getElementById('input-x').value = 'seven'")
    page.value("document.querySelector('#form button').click()")
    assert "x is not a list in JSON" in page.text("#problem")


def test_index_lists_models(page: Page, address: str) -> None:
    page.open(f"http://{address}/")
    names = page.value("Array.from(document.querySelectorAll('.models a'), (a) => a.innerText)")
    assert names == ["rows", "types", "slow"]


def test_names_cannot_break_out_of_the_page(address: str) -> None:
    text = httpx.get(f"http://{address}/models/rows").text
    about = text.split('id="about">')[1].split("</script>")[0]
    assert "<" not in about
    assert "{{" not in text
