"""Recurrent networks of all kinds are built and proved whole: the passes that fuse, lift and leave
out must not hide from the proof what they did, nor make it refuse what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.randomness import initial_weights
from dlspec.source import SourceFile

CELLS = """
cell leaky(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    h' = 0.9 * h + 0.1 * tanh((x -> dense(units)) + (h -> dense(units, bias = none)))
    output h'
}
cell residual(units) {
    input x: float[N, D]
    state h: float[N, units] = 0
    h' = tanh((x -> dense(units)) + (h -> dense(units))) + x
    output h'
}
cell driven(units) {
    input x: float[N, D]
    input k: float[N, E]
    state h: float[N, units] = 0
    h' = 0.5 * h + tanh((concat(x, k) -> dense(units)) + (h -> dense(units)))
    output h'
}
cell again(size) {
    input x: float[N, size]
    state h: float[N, size] = 0
    h' = tanh((x -> dense(size)) + (h -> dense(size)))
    output x = h' -> dense(size)
}
cell shows_another(units) {
    input x: float[N, D]
    state b: float[N, units] = 1
    b' = tanh(concat(x, b) -> dense(units))
    output q = sigmoid(b)
}
"""
NETWORKS = {
    "lstm": "output y = x -> scan(lstm(3))",
    "gru, read twice": "output y = x -> scan(gru(3)); output m = x -> mean(axis = T)",
    "bidirectional": "output y = x -> bidirectional(gru(2)) -> bidirectional(lstm(2)) -> last",
    "own": "output y = x -> scan(leaky(4))",
    "own, backwards": "output y = x -> scan(leaky(4), reverse = true)",
    "own, held input": "output y = scan(driven(4), x, k = g -> last)",
    "own, two inputs": "output y = scan(driven(4), x, k = g, reverse = true)",
    "own, both ways": "output y = scan(driven(4), x, k = g)\n"
    "output z = scan(driven(4), x, k = g, reverse = true)",
    "own, with x again": "output y = x -> scan(residual(3)) -> dense(2)",
    "own, one on the other": "output y = x -> scan(leaky(4)) -> scan(leaky(5)) -> last",
    "only the last state": "output end = (scan(shows_another(4), x)).final.b",
    "speaks as long": "heard = x -> scan(leaky(3))\n"
    "output y = generate(again(3), h = heard -> last, steps = like(x), choose = same).x",
}


@pytest.mark.parametrize("time", ["T", "<=T"])
@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_proved(network: str, time: str, tmp_path: Path) -> None:
    inputs = f"input x: float[N, {time}, 3]\n"
    if "k = g" in NETWORKS[network]:
        inputs += f"input g: float[N, {time}, 2]\n"
    engine = "engine e for n { targets = onnxruntime; T = 1..9; batch = 1..8 }"
    text = f"{CELLS}\nnetwork n {{\n{inputs}{NETWORKS[network]}\n}}\n{engine}\n"
    compilation = Compilation(SourceFile("n.dl", text), tmp_path)
    (plan,) = compilation.networks.values()
    options = BuildOptions(tmp_path / "build", use_torch=False)
    built = build_network(plan, initial_weights(plan.graph, 0), compilation.source, options)
    assert [e.status for e in built.manifest.engines] == ["verified"]
