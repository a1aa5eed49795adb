"""The table folds what repeats, and adds up."""

from __future__ import annotations

import json

import pytest

from dlspec.inspect.fold import Group, outline, runs
from dlspec.inspect.summary import summarize, symbol_sizes
from dlspec.inspect.table import table_text
from dlspec.inspect.wording import bytes_text, count_text, op_text, short
from tests.unit.inspect.networks import RESIDUAL, SMALL, TWO, VGG, lenet, plan_of


def test_blocks_fold_by_what_they_make() -> None:
    summary = summarize(plan_of(RESIDUAL, layers="[3, 8, 36, 3]"))
    folded = [r.op for r in summary.rows if r.count > 1]
    assert folded == [f"{n} × bottleneck" for n in (3, 8, 36, 3)]


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("text", [SMALL, TWO, VGG], ids=["small", "two", "vgg"])
def test_rows_add_up(text: str, depth: int) -> None:
    summary = summarize(plan_of(text), depth=depth)
    top = [r for r in summary.rows if r.level == 0]
    assert sum(r.parameters for r in top) == summary.totals.parameters
    assert sum(r.flops for r in top) == summary.totals.flops
    assert sum(r.macs for r in top) == summary.totals.macs


def test_an_opened_block_adds_up_to_its_row() -> None:
    rows = summarize(plan_of(SMALL), depth=2).rows
    heads = [i for i, r in enumerate(rows) if r.op.startswith(("unit", "2 × unit", "3 × unit"))]
    assert [rows[i].count for i in heads] == [3, 1, 1]
    for head in heads:
        inner = []
        for row in rows[head + 1 :]:
            if row.level == 0:
                break
            inner.append(row)
        assert inner and rows[head].flops == rows[head].count * sum(r.flops for r in inner)


def test_lenet_is_shown_op_by_op() -> None:
    plan = lenet()
    assert not [i for i in outline(plan.graph.nodes) if isinstance(i, Group)]
    assert len(summarize(plan).rows) == len(plan.graph.nodes) + 1


def test_every_node_is_in_the_outline_once() -> None:
    plan = plan_of(RESIDUAL, layers="[1, 2, 3, 1]")
    found = [n for run in runs(outline(plan.graph.nodes)) for n in run.nodes]
    assert sorted(map(id, found)) == sorted(map(id, plan.graph.nodes))


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_table_fits(width: int, depth: int) -> None:
    text = table_text(summarize(plan_of(RESIDUAL, layers="[3, 8, 36, 3]"), depth=depth), width)
    table = text.splitlines()[2:-3]
    assert max(map(len, table)) <= width
    assert "bottleneck" in text and "60,192,808 parameters" in text
    if width > 100:
        assert "share" in text and "█" in text


def test_symbols_have_sizes() -> None:
    plan = plan_of(TWO)
    assert symbol_sizes(plan) == {"N": 1, "T": 1}
    assert symbol_sizes(plan, {"T": 100}) == {"N": 1, "T": 100}
    short_, long_ = summarize(plan), summarize(plan, at={"T": 100})
    assert long_.totals.flops > short_.totals.flops
    assert "T = 100" in table_text(long_)


def test_json_is_plain() -> None:
    told = json.loads(json.dumps(summarize(lenet()).to_json()))
    assert told["totals"]["parameters"] == 61_706
    assert told["rows"][0]["op"] == "input uint8"


def test_ops_read_as_a_spec_says_them() -> None:
    text = (
        "network net {\n    input x: float32[N, 4, 8, 8]\n"
        '    output y = x -> conv(6, kernel = (3, 1), pad = "same", bias = none)'
        " -> mean(axis = (2, 3)) -> reshape(2, 3)\n}\n"
    )
    told = [op_text(n) for n in plan_of(text).graph.nodes]
    assert told == [
        'conv(6, kernel = (3, 1), pad = "same", bias = none)',
        "mean(axis = (2, 3))",
        "reshape(2, 3)",
    ]


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (999_999, "1.00 M"), (4.089e9, "4.09 G")],
)
def test_numbers_in_few_characters(number: float, told: str) -> None:
    assert short(number) == told


def test_counts_and_bytes() -> None:
    assert count_text(999_999) == "999,999"
    assert count_text(25_557_032) == "25.6 M"
    assert bytes_text(246_824) == "0.25 MB"
    assert bytes_text(2_400_000_000) == "2.40 GB"
