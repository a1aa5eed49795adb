"""The pages, in a real browser: drawing by mouse and by keyboard, the answer, the form."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.runtime import Model, load
from dlspec.serve import create_app
from dlspec.source import SourceFile
from tests.serve import web
from tests.serve.browser import Page, browser, executable
from tests.serve.conftest import running
from tests.serve.text_models import sound


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
        assert web.get(link).status_code == 200
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


def typed(page: Page, text: str) -> None:
    page.value(
        "(() => { const field = document.querySelector('textarea.text');"
        f"field.value = {json.dumps(text)}; field.dispatchEvent(new Event('input')); }})()"
    )


HEADS = """
const sides = vocabulary("left", "right")
const moods = vocabulary("calm", "wild")
network heads {
    input x: float[N, 2]
    output score = x * -3
    output likely = softmax(x)
    output mood: int[N] of moods = argmax(score)
    output side: int[N] of sides = argmax(likely)
}
network alone {
    input x: float[N, 2]
    output side: int[N] of sides = argmax(x)
}
"""


def test_scores_have_the_names_of_their_own_classes(page: Page, tmp_path: Path) -> None:
    source = SourceFile("heads.dl", HEADS)
    models: dict[str, Model] = {}
    for name, plan in Compilation(source, tmp_path).spec.networks.items():
        build_network(plan, {}, source, BuildOptions(tmp_path / "build", use_torch=False))
        models[name] = load(tmp_path / "build" / name)
    page.problems.clear()
    with running(create_app(models)) as address:
        page.open(f"http://{address}/models/heads")
        page.until("document.querySelector('#form button') !== null")
        page.value("document.getElementById('input-x').value = '[[2, 0]]'")
        page.value("document.querySelector('#form button').click()")
        page.until("document.getElementById('timing').innerText !== ''")
        assert page.text("#headline") == "left", "what the bars are of"
        assert page.text("#bars").split() == ["left", "88.1", "%", "right", "11.9", "%"]
        # other scores are no copy of the bars, though they are as many; ids are shown as names
        assert page.text("#tables").split("\n") == ["score [1, 2]", "-6 0", "mood [1]", "wild"]
        page.open(f"http://{address}/models/alone")
        page.until("document.querySelector('#form button') !== null")
        page.value("document.getElementById('input-x').value = '[[2, 0]]'")
        page.value("document.querySelector('#form button').click()")
        page.until("document.getElementById('timing').innerText !== ''")
        assert page.text("#headline") == "left", "of no scores, and told all the same"
    assert page.problems == []


def test_words_are_shown_with_their_labels(
    page: Page, text_address: str, texts: dict[str, Model]
) -> None:
    page.problems.clear()
    page.open(f"http://{text_address}/models/tagger")
    page.until("document.activeElement.id === 'input-word'")
    assert "up to 16 words" in page.text("#form label")
    typed(page, "to be  or zebra")
    page.until("document.querySelectorAll('.word').length === 4")
    expected = texts["tagger"](word="to be or zebra")
    shown = page.value(
        "Array.from(document.querySelectorAll('.word small'), (label) => label.innerText)"
    )
    assert shown == expected.names("tag")[0]
    assert page.text(".word b.unknown") == "zebra"
    assert "Not in the vocabulary: “zebra”" in page.text("#form .hint")
    assert page.text("#headline") == expected.names("feeling")[0]
    assert page.text(".bar.best span") == expected.names("feeling")[0]
    call = page.value("document.getElementById('call').textContent")
    body = json.loads(call.split("-d '")[1].split("'\n")[0])
    assert web.post(call.split()[1], json=body).status_code == 200
    assert body["inputs"][0]["data"] == ["to be  or zebra"]
    typed(page, "to " * 17)
    assert "has 17 words" in page.until("document.getElementById('problem').innerText")
    page.value("document.getElementById('clear-text').click()")
    assert page.value("document.querySelectorAll('.word').length") == 0
    assert page.text("#problem") == ""
    assert [p for p in page.problems if "400" not in p] == []


def test_what_is_generated_is_shown_as_a_text(page: Page, text_address: str) -> None:
    page.problems.clear()
    page.open(f"http://{text_address}/models/speller")
    page.until("document.activeElement.id === 'input-word'")
    typed(page, "cab")
    page.until(f"document.getElementById('headline').innerText === {sound('cab')!r}")
    heads = page.value("Array.from(document.querySelectorAll('.shades th'), (h) => h.innerText)")
    assert heads == ["c", "a", "b", *sound("cab").split()]
    # a phone is wide enough
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=360,
        height=740,
        deviceScaleFactor=1,
        mobile=True,
    )
    assert page.value("document.documentElement.scrollWidth") <= 360
    page.call("Emulation.clearDeviceMetricsOverride")
    assert page.problems == []


def test_one_field_for_two_inputs_of_one_text(page: Page, text_address: str) -> None:
    page.open(f"http://{text_address}/models/hasher")
    page.until("document.activeElement.id === 'input-word'")
    assert page.text("#form label").startswith("word, gram")
    typed(page, "to be or not")
    page.until("document.getElementById('timing').innerText !== ''")
    assert page.text("#problem") == ""


def test_index_lists_models(page: Page, address: str) -> None:
    page.open(f"http://{address}/")
    names = page.value("Array.from(document.querySelectorAll('.models a'), (a) => a.innerText)")
    assert names == ["rows", "types", "slow"]


def test_names_cannot_break_out_of_the_page(address: str) -> None:
    text = web.get(f"http://{address}/models/rows").text
    about = text.split('id="about">')[1].split("</script>")[0]
    assert "<" not in about
    assert "{{" not in text
