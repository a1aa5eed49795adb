"""Networks to look at."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from dlspec.diagnostics import Sink
from dlspec.diagnostics.render import render
from dlspec.ir.plan import NetworkPlan
from dlspec.passes.pipeline import optimized
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile

SPECS = Path(__file__).resolve().parents[3] / "specs"

RESIDUAL = """\
network residual(layers) {
    input image: uint8[N, 3, 224, 224]
    h = image / 255 -> conv(64, kernel = 7, stride = 2, pad = 3, bias = none) -> batch_norm -> relu
        -> max_pool(3, stride = 2, pad = 1)
    for count, i in zip(layers, 0..3) {
        for j in 1..count {
            stride = 1
            if i > 0 and j == 1 { stride = 2 }
            h = h -> bottleneck(64 * 2 ** i, stride = stride)
        }
    }
    output logits = h -> mean(axis = (2, 3)) -> dense(1000)
}
"""
"""ResNet-50 with layers = [3, 4, 6, 3], ResNet-152 with [3, 8, 36, 3] (He et al., 2016)."""

SMALL = """\
block unit(x: float[N, C, H, W]; channels, stride = 1) {
    y = x -> conv(channels, kernel = 3, stride = stride, pad = 1) -> batch_norm -> relu
        -> conv(channels, kernel = 3, pad = 1) -> batch_norm
    short = x
    if C != channels or stride != 1 { short = x -> conv(channels, kernel = 1, stride = stride) }
    return relu(y + short)
}
network small {
    input image: uint8[N, 3, 16, 16]
    h = image / 255 -> conv(8, kernel = 3, pad = 1)
    h = h -> unit(8) -> unit(8) -> unit(8) -> unit(16, stride = 2) -> unit(16)
    output logits = h -> mean(axis = (2, 3)) -> dense(10)
}
"""

ALEX = """\
network alexnet {
    input image: float32[N, 3, 224, 224]
    h = image
        -> conv(64, kernel = 11, stride = 4, pad = 2) -> relu -> max_pool(3, stride = 2)
        -> conv(192, kernel = 5, pad = 2) -> relu -> max_pool(3, stride = 2)
        -> conv(384, kernel = 3, pad = 1) -> relu
        -> conv(256, kernel = 3, pad = 1) -> relu
        -> conv(256, kernel = 3, pad = 1) -> relu -> max_pool(3, stride = 2)
    output logits = h -> flatten -> dense(4096) -> relu -> dense(4096) -> relu -> dense(1000)
}
"""

VGG = """\
network vgg {
    input image: float32[N, 3, 224, 224]
    h = image
    for count, channels in zip([2, 2, 4, 4, 4], [64, 128, 256, 512, 512]) {
        for i in 1..count { h = h -> conv(channels, kernel = 3, pad = 1) -> relu }
        h = h -> max_pool(2)
    }
    output logits = h -> flatten -> dense(4096) -> relu -> dense(4096) -> relu -> dense(1000)
}
"""

TWO = """\
network two {
    input image: uint8[N, 3, 32, 32]
    input words: float32[N, T, 16]
    a = image / 255 -> conv(8, kernel = 3, pad = 1) -> relu -> mean(axis = (2, 3))
    b = words -> dense(32) -> tanh -> mean(axis = 1)
    both = concat(a, b, axis = 1) -> dense(64) -> relu
    output kind = both -> dense(4) -> softmax
    output place = both + (both -> dense(64) -> relu) -> dense(2)
}
"""


def plan_of(text: str, name: str = "net.dl", **settings: str) -> NetworkPlan:
    """The only network of a text."""
    sink = Sink()
    source = SourceFile(name, text)
    spec = analyse(source, sink, folder=SPECS, overrides=settings)
    assert not sink.errors, "\n".join(render(d, colour=False) for d in sink.diagnostics)
    (plan,) = spec.networks.values()
    return dataclasses.replace(plan, graph=optimized(plan.graph), meant=plan.graph)


def lenet() -> NetworkPlan:
    """LeNet as the project ships it."""
    text = (SPECS / "lenet.dl").read_text("utf-8")
    return plan_of(text[: text.index("recipe ")], "lenet.dl")
