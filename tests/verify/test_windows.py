"""Networks of windows, norms, shapes and sizes verify: the engine and PyTorch stay in the bound."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import Sink
from dlspec.ir.plan import NetworkPlan
from dlspec.randomness import initial_weights, structural_weights
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.verify.engine import verify_network
from tests.verify.networks import engine_of

NETWORKS = {
    "convolutions": """
        input x: float[N, 4, H, 9]
        a = x -> conv(6, kernel = 3, pad = "same", stride = 2) -> relu
        b = a -> conv(6, kernel = 3, pad = [[2, 0], 1], groups = 6) -> tanh
        c = b -> conv(4, kernel = [2, 3], dilation = 2, pad = "same", groups = 2)
        output y = c -> conv_transpose(3, kernel = 3, stride = 2, pad = "same")
    """,
    "causal": """
        input x: float[N, 3, T]
        output y = x -> conv(4, kernel = 2, dilation = 2, pad = "causal") -> relu
            -> conv(2, kernel = 3, stride = 2, pad = "same") -> flatten(2)
    """,
    "pools": """
        input x: float[N, 3, H, 8]
        a = x -> max_pool(3, stride = 2, ceil = true)
        b = x -> avg_pool(3, stride = 2, pad = 1, ceil = true)
        c = x -> avg_pool(2, stride = 1, pad = "same", count_include_pad = false)
        d = x -> max_pool(2, stride = 1, dilation = 2)
        e = x -> lp_pool(2)
        output y = concat(a -> global_avg_pool, b -> global_max_pool, c -> global_lp_pool,
            d -> adaptive_avg_pool([1, 3]) -> flatten, e -> global_avg_pool(true) -> flatten)
    """,
    "bins": """
        input x: float[N, 2, 7, 5]
        output a = x -> adaptive_avg_pool(3)
        output b = x -> adaptive_max_pool([4, none])
        output c = x -> adaptive_avg_pool([7, 5])
    """,
    "free bins": """
        input x: float[N, 3, H, 5]
        output a = x -> max_pool(2) -> adaptive_avg_pool(3)
        output b = x -> conv(2, kernel = 2) -> adaptive_max_pool([4, 3])
    """,
    "norms": """
        input x: float[N, 6, H, 4]
        h = x -> conv(6, kernel = 1) -> batch_norm(weight = none) -> group_norm(3) -> relu
        h = h + (x -> instance_norm(weight = 1, bias = 0)) -> lrn(3, alpha = 0.5)
        flat = h -> layer_norm -> rms_norm -> global_avg_pool
        output y = flat -> dense(8) -> layer_norm
        output z = flat -> normalize
    """,
    "shapes": """
        input x: float[N, T, 6]
        a, b = x -> split([2, -1])
        c = x -> shift(0.5) -> permute(2, 1) -> transpose(1, 2)
        d = x -> mirror(axis = 1) -> roll(1, axis = 1)
        e, f = chunk(x[:, 1:], 2)
        output y = concat(b, a) + c * d
        output z = concat(e -> tile(1, 2), f) -> pad(1, value = 2, axis = 2) -> repeat_interleave(2)
        output w = (x[:, -1] -> unsqueeze(1) -> expand(3, -1)) * 2
    """,
    "sizes": """
        input x: float[N, 4, 6, 7]
        a = x -> resize(scale = 2, mode = "linear") -> crop(10)
        b = x -> resize(10, 10, mode = "linear")
        c = x -> resize(10, 10, mode = "linear", align_corners = true)
        d = x -> resize(10) -> pad(1, mode = "reflect") -> crop(10)
        e = x -> pad([[1, 0], [1, 0]], mode = "circular") -> crop([6, 6]) -> depth_to_space(2)
        output y = a * b + c * d
        output z = e -> space_to_depth(3) -> pad(1, mode = "replicate")
    """,
    "free sizes": """
        input x: float[N, 2, H, W]
        output y = x -> upsample(3) -> upsample(2, mode = "linear") -> max_pool(2)
    """,
}


def plan(name: str) -> NetworkPlan:
    """The network of a body."""
    sink = Sink()
    spec = analyse(SourceFile("net.dl", f"network net {{{NETWORKS[name]}}}\n"), sink)
    assert not sink.diagnostics
    return spec.networks["net"]


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_verify(name: str) -> None:
    network = plan(name)
    graph = network.graph
    for seed, weights in enumerate((structural_weights(graph, 0), initial_weights(graph, 1))):
        result = verify_network(
            network, weights, engine_of(graph, weights), seed=seed, use_torch=seed == 0, fast=True
        )
        assert result.status == "verified", result.summary()
        assert all(n.status == "pass" for n in result.nodes)
        assert max(n.ratio for n in result.nodes) < 5
