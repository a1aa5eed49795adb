"""The report is one file that needs nothing else, and escapes what it is given."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from dlspec.inspect.markup import tag, text
from dlspec.randomness import initial_weights, structural_weights
from dlspec.targets.onnx import onnx_from_graph
from dlspec.verify.engine import verify_network
from dlspec.verify.report import report_html
from dlspec.verify.report_charts import curve_chart
from dlspec.verify.report_spec import line_shapes
from dlspec.verify.result import Verification
from tests.verify.mutants import MUTANTS
from tests.verify.networks import SPECS, engine_of, ort_engine, picture, plan_of, spec_plan

PLAN = spec_plan("tiny")
SOURCE = (SPECS / "tiny.dl").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def verified() -> Verification:
    weights = initial_weights(PLAN.graph, 0)
    engine = engine_of(PLAN.graph, weights)
    return verify_network(PLAN, weights, engine, use_torch=False, fast=True, engine="edge <1>")


class _Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data")]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def read(html: str) -> _Balanced:
    parser = _Balanced()
    parser.feed(html)
    return parser


def test_it_is_whole_and_self_contained(verified: Verification) -> None:
    files = {"model.onnx": {"size": 8_123, "sha256": "a" * 64}}
    awaits = {"name": "edge", "target": "tensorrt_rtx", "status": "awaits-device"}
    manifest = {"trained": False, "parameters": 18, "files": files, "engines": [awaits]}
    history = [
        {"epoch": 1, "loss": 2.0, "accuracy": 0.5},
        {"epoch": 2, "loss": 1.0, "accuracy": 0.75},
    ]
    html = report_html(PLAN, SOURCE, [verified], manifest=manifest, history=history)
    parsed = read(html)
    assert not parsed.open and not parsed.wrong and not parsed.links
    assert not re.search(r"https?://|@import|url\(|<script", html)
    for wanted in (
        "tiny",
        "untrained",
        "awaits device",
        "8.12 kB",
        "edge &lt;1&gt;",
        "accuracy 0.75 after epoch 2",
    ):
        assert wanted in html
    assert "prefers-color-scheme: dark" in html
    assert html.count("<circle") == len(PLAN.graph.nodes) + 4


def test_every_line_of_the_spec_stands_there_with_its_shape(verified: Verification) -> None:
    html = report_html(PLAN, SOURCE, [verified])
    for number, line in enumerate(SOURCE.splitlines(), 1):
        assert f"<td>{number}</td>" in html, line
    shapes = line_shapes(PLAN.graph)
    assert set(shapes.values()) == {"[N, 2]"}
    assert {SOURCE.splitlines()[n - 1].strip()[:5] for n in shapes} >= {"input", "-> de"}


def test_a_failure_is_shown_with_its_node() -> None:
    graph = picture()
    weights = structural_weights(graph, 0)
    model = onnx_from_graph(graph, weights)
    MUTANTS["transposed kernel"].edit(model)
    result = verify_network(
        plan_of(graph),
        weights,
        ort_engine(model),
        model=model,
        use_torch=False,
        fast=True,
        engine="edge",
    )
    html = report_html(plan_of(graph), "", [result])
    assert "Where edge goes wrong" in html
    assert html.count('class="wrong"') == 1
    assert "DL700" in html
    assert "badge bad" in html
    assert not read(html).wrong


def test_markup_escapes() -> None:
    assert text("b", "<&>") == "<b>&lt;&amp;&gt;</b>"
    assert tag("i", title='"x"', aria_label=None) == '<i title="&quot;x&quot;"></i>'


def test_a_curve_leaves_out_what_is_not_finite() -> None:
    rows = [{"loss": 1.0}, {"loss": float("nan")}, {"other": 2.0}]
    assert curve_chart(rows, ["loss"], "loss").count("<circle") == 1
    assert curve_chart(rows, ["nothing"], "loss") == ""
