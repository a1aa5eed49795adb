"""Costs are PyTorch's own count, and those that are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlspec.inspect.cost import MOVES, PER_ELEMENT, graph_cost, node_cost
from dlspec.inspect.summary import activation_bytes, symbol_sizes, totals
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.plan import NetworkPlan
from dlspec.ops import REGISTRY
from tests.unit.inspect.networks import ALEX, RESIDUAL, SMALL, TWO, VGG, lenet, plan_of


def counted_by_torch(plan: NetworkPlan, folder: Path, **sizes: int) -> int:
    """What PyTorch's counter says of the emitted module for one example; it counts products."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from dlspec.targets.torch_source import module_source
    from dlspec.targets.torch_source.load import load_module

    source = module_source(plan.name, {"forward": plan.graph})
    module = load_module(source, folder / "model.py")().eval()
    given: list[torch.Tensor] = []
    for value in plan.graph.inputs:
        shape = [d.evaluate({"N": 1, **sizes}) for d in value.type.shape]
        given.append(torch.from_numpy(np.zeros(shape, value.type.dtype.value)))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*given)
    return int(counter.get_total_flops())


@pytest.mark.parametrize(
    ("plan", "sizes"),
    [(lenet(), {}), (plan_of(SMALL), {}), (plan_of(TWO), {"T": 7})],
    ids=["lenet", "small", "two"],
)
def test_products_are_counted_as_pytorch_counts_them(
    plan: NetworkPlan, sizes: dict[str, int], tmp_path: Path
) -> None:
    cost = graph_cost(plan.graph.nodes, symbol_sizes(plan, sizes))
    assert 2 * cost.macs == counted_by_torch(plan, tmp_path, **sizes)


EINSUM = """\
network net {
    input a: float32[N, 3, 4]
    input b: float32[N, 4, 5]
    output y = einsum("nij,njk->nik", a, b)
    output z = matmul(a, b)
    output w = a -> transpose(1, 2) -> conv_transpose(6, kernel = 2, stride = 2)
}
"""


def test_other_products(tmp_path: Path) -> None:
    plan = plan_of(EINSUM)
    costs = {n.op.name: node_cost(n, {"N": 1}) for n in plan.graph.nodes}
    assert costs["einsum"].macs == costs["matmul"].macs == 3 * 4 * 5
    assert costs["conv_transpose"].macs == 4 * 3 * 6 * 2
    assert costs["transpose"].flops == 0
    graph = plan.graph
    assert 2 * graph_cost(graph.nodes, {"N": 1}).macs == counted_by_torch(plan, tmp_path)


@pytest.mark.parametrize(
    ("plan", "parameters", "published"),
    [
        (plan_of(RESIDUAL, layers="[3, 4, 6, 3]"), 25_557_032, 4.09e9),
        (plan_of(RESIDUAL, layers="[3, 8, 36, 3]"), 60_192_808, 11.51e9),
        (plan_of(ALEX), 61_100_840, 0.714e9),
        (plan_of(VGG), 143_667_240, 19.63e9),
    ],
    ids=["resnet50", "resnet152", "alexnet", "vgg19"],
)
def test_published_multiply_adds(plan: NetworkPlan, parameters: int, published: float) -> None:
    found = totals(plan.graph, symbol_sizes(plan))
    assert found.parameters == parameters
    assert found.macs == pytest.approx(published, rel=2e-3)
    assert found.flops >= 2 * found.macs


def test_formulas_by_hand() -> None:
    plan = plan_of(
        "network net {\n    input x: float32[N, 2, 8, 8]\n"
        "    output y = x -> conv(4, kernel = 3, groups = 2) -> batch_norm -> relu -> max_pool(2)"
        " -> flatten -> softmax\n}\n"
    )
    costs = {n.op.name: node_cost(n, {"N": 1}) for n in plan.graph.nodes}
    made = 4 * 6 * 6
    assert costs["conv"].macs == 9 * made and costs["conv"].other == made
    assert costs["batch_norm"].flops == 2 * made
    assert costs["relu"].flops == made
    assert costs["max_pool"].flops == 4 * (4 * 3 * 3)
    assert costs["flatten"].flops == 0
    assert costs["softmax"].flops == 5 * 36


def test_the_table_of_costs_names_ops_that_exist() -> None:
    known = set(REGISTRY)
    assert set(MOVES) <= known
    assert set(PER_ELEMENT) <= known


def test_memory_of_a_chain_is_two_neighbours() -> None:
    from dlspec.ops.activation import Relu

    b = GraphBuilder("net")
    x = b.input("x", "float32", "N", 100)
    for _ in range(5):
        x = b.one(Relu(), x)
    b.output("y", x)
    kept, peak = activation_bytes(b.graph, {"N": 1})
    assert kept == 5 * 400
    assert peak == 2 * 400
