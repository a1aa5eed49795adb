"""Five graphs, built by hand, that prove the graph's shape: each uses something that later
language features need.

`CATALOGUE` has them by name, with sizes and inputs that are worth a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlspec.ir.builder import GraphBuilder, free_values
from dlspec.ir.graph import Graph, Value
from dlspec.ops.activation import Relu, Sigmoid, Softmax, Softplus, Tanh
from dlspec.ops.arithmetic import Add, Mul, Neg, Sub
from dlspec.ops.beam import Beam
from dlspec.ops.comparison import Cast
from dlspec.ops.control import Scan
from dlspec.ops.convolution import Conv
from dlspec.ops.embedding import Embed
from dlspec.ops.generation import Generate
from dlspec.ops.joining import Concat
from dlspec.ops.lengths import Full
from dlspec.ops.linear import Dense
from dlspec.ops.moving import RepeatInterleave
from dlspec.ops.normalization import BatchNorm
from dlspec.ops.reduction import Argmax, Mean
from dlspec.ops.shape import Flatten


def scan(
    b: GraphBuilder,
    body: Graph,
    stepped: list[Value],
    states: list[Value],
    lengths: Value | None = None,
    *,
    reverse: bool = False,
    path: str,
    names: list[str],
) -> tuple[Value, ...]:
    """Apply a scan; captures are found."""
    captures = free_values(body)
    op = Scan(body, len(stepped), len(states), reverse, lengths is not None, captures)
    given = [*stepped, *states, *([] if lengths is None else [lengths]), *captures]
    return b.apply(op, *given, path=path, name=names)


def ragged_scan() -> Graph:
    """(a) A cell of one's own (a gated leaky memory with a step noise) over ragged time, forwards
    and backwards."""
    b = GraphBuilder("tagger")
    x = b.input("x", "float", "N", "T", 3, ragged=(1,))
    start = b.input("start", "float", "N", 4)
    lengths = b.lengths("T")
    shake = b.noise("shake", "normal", (0.0, 1.0), "float", "N", "T", 4)
    one = b.constant(1.0, name="one")
    half = b.constant(0.5, name="half")

    def cell(name: str) -> Graph:
        c = b.body(name)
        x_t = c.input(f"{name}.x", "float", "N", 3, origin="step")
        noise = c.input(f"{name}.noise", "float", "N", 4, origin="step")
        h = c.input(f"{name}.h", "float", "N", 4, origin="state")
        z = c.one(Concat(), x_t, h, path=f"{name}.z")
        gate = c.one(Sigmoid(), c.one(Dense(4), z, path=f"{name}.gate"), path=f"{name}.open")
        new = c.one(Tanh(), c.one(Dense(4), z, path=f"{name}.new"), path=f"{name}.tanh")
        kept = c.one(Mul(), h, c.one(Sub(), one, gate, path=f"{name}.shut"), path=f"{name}.kept")
        taken = c.one(Mul(), new, gate, path=f"{name}.taken")
        moved = c.one(Mul(), noise, half, path=f"{name}.moved")
        c.output(
            "h",
            c.one(Add(), kept, c.one(Add(), taken, moved, path=f"{name}.sum"), path=f"{name}.next"),
        )
        y = c.one(Dense(2), c.graph.outputs[0].value, path=f"{name}.out")
        return c.finish(y=y)

    forth, last = scan(
        b, cell("forward"), [x, shake], [start], lengths, path="forth", names=["forth", "last"]
    )
    back, first = scan(
        b,
        cell("backward"),
        [x, shake],
        [start],
        lengths,
        reverse=True,
        path="back",
        names=["back", "first"],
    )
    both = b.one(Add(), forth, back, path="both", name="both")
    return b.finish(both=both, last=last, first=first)


def generate_loop(choose: str = "sample", stop: int | None = 2) -> Graph:
    """(b) A writer that samples its next word with declared noise, until it says stop."""
    b = GraphBuilder("writer")
    memory = b.input("memory", "float", "N", 4)
    u = b.noise("u", "uniform", (0.0, 1.0), "float", "N", 6) if choose == "sample" else None
    c = b.body("cell")
    word = c.input("cell.word", "int", "N", origin="step")
    h = c.input("cell.h", "float", "N", 4, origin="state")
    seen = c.one(Embed(5, 3), word, path="cell.embed")
    z = c.one(Concat(), seen, h, path="cell.z")
    new = c.one(Tanh(), c.one(Dense(4), z, path="cell.new"), path="cell.next", name="cell.h2")
    c.output("h", new)
    # what was given stays in sight: a value of the graph around the loop
    attended = c.one(Add(), new, memory, path="cell.attended")
    scores = c.one(Dense(5), attended, path="cell.scores")
    body = c.finish(scores=scores, focus=attended)
    captures = free_values(body)
    op = Generate(
        body,
        1,
        stop=stop,
        at_most=6,
        choose=choose,
        temperature=0.5 if choose == "sample" else 1.0,
        captures=captures,
    )  # type: ignore[arg-type]
    names = ["word", *(["L_lengths"] if stop is not None else []), "scores", "focus", "final"]
    first = b.one(Full((), 1, "int64"), memory, path="said.start")
    noise = [u] if u is not None else []
    made = b.apply(op, first, memory, *noise, *captures, path="said", name=names)
    return b.finish(**dict(zip(names, made, strict=True)))


def beam_loop() -> Graph:
    """The writer as `generate_loop` has it, its two likeliest texts searched."""
    b = GraphBuilder("writer")
    memory = b.input("memory", "float", "N", 4)
    beams = b.one(RepeatInterleave(2, 0), memory, path="said.beams")
    c = b.body("cell")
    many = beams.type.shape[0]
    word = c.input("cell.word", "int", many, origin="step")
    h = c.input("cell.h", "float", many, 4, origin="state")
    z = c.one(Concat(), c.one(Embed(5, 3), word, path="cell.embed"), h, path="cell.z")
    new = c.one(Tanh(), c.one(Dense(4), z, path="cell.new"), path="cell.next", name="cell.h2")
    c.output("h", new)
    attended = c.one(Add(), new, beams, path="cell.attended")
    scores = c.one(Dense(5), attended, path="cell.scores")
    body = c.finish(scores=scores, focus=attended)
    captures = free_values(body)
    op = Beam(body, 1, stop=2, at_most=6, width=2, captures=captures)
    first = b.one(Full((), 1, "int64"), beams, path="said.start")
    names = ["word", "L_lengths", "scores", "focus", "final"]
    made = b.apply(op, first, beams, *captures, path="said", name=names)
    return b.finish(**dict(zip(names, made, strict=True)))


def gan_networks() -> tuple[Graph, Graph]:
    """(c) The two players' own graphs: a generator from noise, a discriminator."""
    b = GraphBuilder("generator")
    e = b.noise("e", "normal", (0.0, 1.0), "float", "N", 3)
    fake = _generator(b, e, "", "")
    generator = b.finish(fake=fake)
    b = GraphBuilder("discriminator")
    image = b.input("image", "float", "N", 4)
    discriminator = b.finish(real=_discriminator(b, image, "", "", {}))
    return generator, discriminator


def _generator(b: GraphBuilder, e: Value, prefix: str, path: str) -> Value:
    h = b.one(Tanh(), b.one(Dense(5), e, path=f"{prefix}hidden"), path=f"{path}tanh")
    return b.one(Dense(4), h, path=f"{prefix}paint")


def _discriminator(
    b: GraphBuilder, x: Value, prefix: str, path: str, shared: dict[str, Value]
) -> Value:
    """The layers, with the parameters that ``shared`` has already, or with new ones that it then
    has."""

    def dense(units: int, x: Value, name: str) -> Value:
        own = {p: shared[f"{name}.{p}"] for p in ("weight", "bias") if f"{name}.{p}" in shared}
        y = b.one(Dense(units), x, path=f"{prefix}{name}", parameters=own)
        assert y.producer is not None
        for p, value in zip(("weight", "bias"), y.producer.inputs[1:], strict=True):
            assert value is not None
            shared[f"{name}.{p}"] = value
        return y

    h = b.one(Relu(), dense(6, x, "look"), path=f"{path}relu")
    return dense(1, h, "judge")


def gan_step(player: str) -> Graph:
    """(c) One player's objective: the critic tells real from fake, the artist wants its fakes
    taken for real.

    Parameters are named `generator.…` and `discriminator.…` in both, so that the steps share them
    by name.
    """
    b = GraphBuilder(player, "objective")
    image = b.input("image", "float", "N", 4) if player == "critic" else None
    e = b.noise("e", "normal", (0.0, 1.0), "float", "N", 3)
    fake = _generator(b, e, "generator.", "fake.")
    shared: dict[str, Value] = {}
    fooled = _discriminator(b, fake, "discriminator.", "fooled.", shared)
    if image is None:
        loss = b.one(Softplus(), b.one(Neg(), fooled, path="loss.neg"), path="loss.softplus")
    else:
        real = _discriminator(b, image, "discriminator.", "real.", shared)
        missed = b.one(Softplus(), b.one(Neg(), real, path="loss.neg"), path="loss.softplus")
        loss = b.one(
            Add(), missed, b.one(Softplus(), fooled, path="loss.softplus"), path="loss.add"
        )
    return b.finish(loss=b.one(Mean((0, 1)), loss, path="loss", name="loss"))


def integers() -> Graph:
    """(d) Integers in, several integers out."""
    b = GraphBuilder("reader")
    word = b.input("word", "int", "N", "T", classes=tuple("abcdefg"))
    shift = b.input("shift", "int32", "N", "T")
    three = b.constant(3, dtype=shift.type.dtype, name="three")
    scaled = b.one(Mul(), shift, three, path="scaled", name="scaled")
    e = b.one(Embed(7, 4), word, path="table")
    moved = b.one(Add(), e, b.one(Embed(7, 4), word, path="second"), path="moved")
    scores = b.one(Dense(5), moved, path="scores")
    slot = b.one(Argmax(), scores, path="slot", name="slot")
    pooled = b.one(Mean(1), scores, path="pooled")
    topic = b.one(Argmax(), pooled, path="topic", name="topic")
    wide = b.one(Cast("int64"), scaled, path="wide", name="wide")
    both = b.one(Add(), slot, wide, path="both", name="both")
    b.output("slot", slot, tuple("vwxyz"))
    return b.finish(
        topic=topic, both=both, scaled=scaled, sureness=b.one(Softmax(), pooled, path="sureness")
    )


def batch_norm(training: bool = True) -> Graph:
    """(e) Batch normalisation while learning: the statistics are buffers, and have next values."""
    b = GraphBuilder("normed", "training" if training else "inference")
    x = b.input("x", "float", "N", 2, 6, 6)
    h = b.one(Conv(3, kernel=3), x, path="maps")
    made = b.apply(BatchNorm(training=training), h, path="norm")
    y = b.one(Relu(), made[0], path="y.relu")
    y = b.one(Dense(4), b.one(Flatten(), y, path="y.flatten"), path="y.dense")
    again = b.apply(BatchNorm(training=training, momentum=0.3), y, path="norm2", name="y")
    for result in (made, again):
        node = result[0].producer
        assert node is not None
        for buffer, value in zip(node.inputs[3:], result[1:], strict=False):
            assert buffer is not None
            b.update(buffer, value)
    return b.finish(y=again[0])


@dataclass(frozen=True)
class Case:
    """A graph and sizes to try it at."""

    build: Callable[[], Graph]
    sizes: tuple[Mapping[str, int], ...] = ({"N": 1}, {"N": 5})
    integers: Mapping[str, int] = field(default_factory=dict[str, int])


CATALOGUE: dict[str, Case] = {
    "ragged_scan": Case(ragged_scan, ({"N": 1, "T": 1}, {"N": 4, "T": 5})),
    "generate_sample": Case(generate_loop),
    "generate_greedy": Case(lambda: generate_loop("greedy")),
    "generate_endless": Case(lambda: generate_loop("greedy", None)),
    "generate_beam": Case(beam_loop),
    "gan_generator": Case(lambda: gan_networks()[0]),
    "gan_discriminator": Case(lambda: gan_networks()[1]),
    "gan_critic": Case(lambda: gan_step("critic")),
    "gan_artist": Case(lambda: gan_step("artist")),
    "integers": Case(integers, ({"N": 1, "T": 1}, {"N": 3, "T": 4}), {"word": 7, "shift": 9}),
    "batch_norm_training": Case(batch_norm, ({"N": 2}, {"N": 5})),
    "batch_norm_inference": Case(lambda: batch_norm(False)),
}


def draw_weights(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Structural weights: every parameter and buffer drawn, none at 0 or 1; variances positive."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, np.ndarray] = {}
    for weight in graph.weights:
        shape = [d.evaluate({}) for d in weight.type.shape]
        values = rng.uniform(0.3, 0.9, shape) * np.where(rng.random(shape) < 0.5, -1.0, 1.0)
        drawn[weight.name] = (
            np.abs(values).astype("f4") if weight.name.endswith("var") else values.astype("f4")
        )
    return drawn


def draw_inputs(
    graph: Graph, case: Case, sizes: Mapping[str, int], seed: int = 0
) -> dict[str, Any]:
    """Inputs of the declared types; lengths unsorted, between 1 and the size."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, Any] = {}
    for value in graph.inputs:
        shape = [d.evaluate(sizes) for d in value.type.shape]
        dtype = value.type.dtype
        if value.origin == "lengths":
            drawn[value.name] = rng.integers(1, sizes[value.symbol or ""] + 1, shape).astype(
                "int32"
            )
        elif dtype.is_float:
            uniform = value.distribution is not None and value.distribution.kind == "uniform"
            made = rng.random(shape) if uniform else rng.standard_normal(shape)
            drawn[value.name] = made.astype("f4")
        else:
            drawn[value.name] = rng.integers(0, case.integers.get(value.name, 2), shape).astype(
                dtype.value
            )
    return drawn
