"""Pictures are whole, say what they show, and no text leaves its box."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from dlspec.inspect.drawing import draw
from dlspec.inspect.font import fitted, text_width
from dlspec.inspect.picture import svg_of
from dlspec.inspect.scene import Scene, scene_of
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.plan import NetworkPlan
from tests.unit.inspect.networks import RESIDUAL, SMALL, TWO, lenet, plan_of

NETWORKS = {
    "lenet": lenet(),
    "small": plan_of(SMALL),
    "two": plan_of(TWO),
    "resnet152": plan_of(RESIDUAL, layers="[3, 8, 36, 3]"),
}
each = pytest.mark.parametrize("plan", NETWORKS.values(), ids=NETWORKS.keys())
SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@each
@pytest.mark.parametrize("unfold", [False, True])
def test_it_is_xml_that_needs_nothing_else(plan: NetworkPlan, unfold: bool) -> None:
    svg = svg_of(plan, unfold=unfold)
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert not re.search(r"url\(|href|@import|<script|nan|inf[^oe]", svg.replace("info", ""))
    assert svg == svg_of(plan, unfold=unfold)
    assert plan.name in words(svg)


def test_blocks_fold_and_are_opened_beside() -> None:
    told = words(svg_of(NETWORKS["resnet152"]))
    assert [t for t in told if t.startswith("× ")] == ["× 3", "× 8", "× 36", "× 3"]
    assert told.count("h.1.2 and 45 more") == 1  # the plain form
    assert told.count("h.1.1 and 3 more") == 1  # with a projection
    assert len(told) < 150


def test_unfolded_it_shows_every_op() -> None:
    plan = NETWORKS["small"]
    told = words(svg_of(plan, unfold=True))
    assert told.count("batch_norm") == sum(n.op.name == "batch_norm" for n in plan.graph.nodes)
    assert told.count("add") == 5


def test_lenet_shows_each_op_with_its_shape() -> None:
    told = words(svg_of(NETWORKS["lenet"]))
    for wanted in ("image", "/ 255", "conv", "6, kernel 5, pad 2", "N × 16 × 5 × 5", "digit"):
        assert wanted in told
    assert told.count("relu") == 4


def test_inputs_and_outputs_are_all_there() -> None:
    told = words(svg_of(NETWORKS["two"]))
    assert {"image", "words", "kind", "place"} <= set(told)


@each
def test_text_stays_in_its_box(plan: NetworkPlan) -> None:
    """Every word that stands in a box ends before the box does."""
    root = ElementTree.fromstring(svg_of(plan, unfold=True))
    looked = 0
    for group in root.iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        path = group.findall(f"{SVG}path")
        if rect is not None and rect.get("class") in ("pill", "sheet"):
            left = float(rect.get("x", "0"))
            right = left + float(rect.get("width", "0"))
        elif len(path) == 2:
            numbers = re.findall(r"[MH]([-\d.]+)", path[1].get("d", ""))
            left, right = float(numbers[0]), float(numbers[1]) + 7
        else:
            continue
        spans: list[tuple[float, float]] = []
        for word in group.findall(f"{SVG}text"):
            bold = "name" in word.get("class", "")
            size = 12.0 if bold else 10.5 if "side" in word.get("class", "") else 11.0
            wide = text_width(word.text or "", size, bold=bold)
            x = float(word.get("x", "0"))
            begin = x - wide if word.get("text-anchor") == "end" else x
            assert left <= begin and begin + wide <= right + 0.5, word.text
            spans.append((begin, begin + wide))
            looked += 1
        spans.sort()
        assert all(a[1] <= b[0] + 0.5 for a, b in pairwise(spans))
    assert looked > 10


def test_a_group_that_reads_its_own_results_by_way_of_others_is_opened() -> None:
    from dlspec.inspect.fold import Group
    from dlspec.ops.activation import Relu, Sigmoid
    from dlspec.ops.arithmetic import Add

    b = GraphBuilder("net")
    x = b.input("x", "float32", "N", 4)
    first = b.one(Relu(), x, path="g.relu")
    middle = b.one(Sigmoid(), first, path="sigmoid")
    last = b.one(Add(), first, middle, path="g.add")
    b.output("y", last)
    one, two, three = b.graph.nodes
    items = [Group("g", "g", [one, three]), two]
    scene = scene_of(items, [("x", b.graph.inputs[0])], [("y", last)], {"N": 1})
    assert isinstance(scene, Scene)
    assert [box.kind for box in scene.boxes].count("group") == 0
    assert draw(scene).height > 0


PARALLEL = """\
block half(x) { return x -> dense(8) -> relu }
network net {
    input x: float32[N, 8]
    a = x -> half -> half
    b = x -> half
    output y = a + b
}
"""


def test_only_what_follows_one_another_is_drawn_as_one() -> None:
    plan = plan_of(PARALLEL)
    told = words(svg_of(plan))
    assert told.count("× 2") == 1 and "× 3" not in told
    assert told.count("half") == 3  # two boxes, and the panel's head


def test_a_result_that_others_read_too_is_not_hidden_in_a_fold() -> None:
    text = PARALLEL.replace("b = x -> half", "b = a").replace("a = x -> half -> half", "a = x")
    text = text.replace(
        "output y = a + b", "c = a -> half\n    d = c -> half\n    output y = c + d"
    )
    told = words(svg_of(plan_of(text)))
    assert "× 2" not in told and told.count("half") == 3


def test_text_is_cut_to_its_room() -> None:
    assert fitted("conv", 100, 12) == "conv"
    cut = fitted("kernel (3, 3), stride 2, pad 1", 80, 11)
    assert cut.endswith("…") and text_width(cut, 11) <= 80
    assert text_width("WWW", 10) > text_width("iii", 10)
