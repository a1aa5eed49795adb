"""Hand-built recipes on small drawn data, for the tests of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dlspec.data import Dataset, Field, Splits
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Value
from dlspec.ir.plan import GroupPlan, NetworkPlan, OptimizerPlan, RecipePlan, StepPlan
from dlspec.ops.activation import Relu
from dlspec.ops.arithmetic import Mul
from dlspec.ops.linear import Dense
from dlspec.ops.loss import Accuracy, CrossEntropy
from dlspec.ops.normalization import BatchNorm
from dlspec.ops.reduction import Mean
from dlspec.ops.regression_loss import Mse

FEATURES, CLASSES = 12, 4


def dataset(n: int, seed: int = 0) -> Dataset:
    """Points around one centre a class."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, CLASSES, n)
    centres = np.random.default_rng(99).normal(size=(CLASSES, FEATURES))
    x = (centres[label] + 0.7 * rng.normal(size=(n, FEATURES))).astype(np.float32)
    return of(x=x, label=label)


def of(**columns: Any) -> Dataset:
    """A data set of arrays."""
    return Dataset(columns, {n: Field.of(n, c) for n, c in columns.items()})


def splits(train: int = 400, validation: int = 90, test: int = 70) -> Splits:
    """Three parts of one distribution."""
    return Splits(dataset(train, 1), dataset(validation, 2), dataset(test, 3))


def classifier_graph(
    kind: str, *, units: int = 32, dropout: float = 0.0, norm: bool = False, network: str = "net"
) -> Graph:
    """`x -> dense -> [batch_norm] -> relu -> [mask] -> dense`, cross entropy, accuracy. ``kind``:
    learn or evaluate."""
    learn = kind == "learn"
    b = GraphBuilder("classifier", "objective")
    x, label = b.input("x", "float", "N", FEATURES), b.input("label", "int", "N")
    h: Value = b.one(Dense(units=units), x, path=f"{network}.hidden")
    if norm:
        results = b.apply(BatchNorm(training=learn), h, path=f"{network}.norm")
        h = results[0]
        if learn:
            mean, variance = b.graph.buffers
            b.update(mean, results[1])
            b.update(variance, results[2])
    h = b.one(Relu(), h, path=f"{network}.relu")
    if dropout and learn:
        mask = b.noise(f"{network}.keep", "bernoulli", (1 - dropout,), "float", "N", units)
        h = b.one(Mul(), h, mask)
    logits = b.one(Dense(units=CLASSES), h, path=f"{network}.out")
    loss = b.one(Mean(), b.one(CrossEntropy(), logits, label))
    if learn:
        return b.finish(loss=loss)
    return b.finish(loss=loss, accuracy=b.one(Mean(), b.one(Accuracy(), logits, label)))


SGD = OptimizerPlan("sgd", {"lr": 0.1, "momentum": 0.9})
ADAM = OptimizerPlan("adam", {"lr": 0.01})


def network_plan(graph: Graph, name: str = "net") -> NetworkPlan:
    """The plan of a network; training reads its name alone."""
    return NetworkPlan(name, graph)


def classifier(
    *,
    optimizer: OptimizerPlan = ADAM,
    only: Sequence[str] | None = None,
    dropout: float = 0.0,
    norm: bool = False,
    units: int = 32,
    **settings: Any,
) -> RecipePlan:
    """A classifier's recipe; ``only`` are the parameters that learn."""
    options = {"units": units, "dropout": dropout, "norm": norm}
    learn, evaluate = classifier_graph("learn", **options), classifier_graph("evaluate", **options)
    names = tuple(only or (p.name for p in learn.parameters))
    step = StepPlan("learn", learn, evaluate, (GroupPlan(names, optimizer),))
    plan = RecipePlan(
        "classify",
        {"net": network_plan(evaluate)},
        None,
        (step,),
        batch=25,
        epochs=3,
        metrics=("accuracy",),
    )
    return replace(plan, **settings)


def two_players(times: int = 1) -> RecipePlan:
    """Two networks on one batch: `a` learns to give its input back, `b` to undo `a`; each changes
    itself alone."""

    def graph(player: str) -> Graph:
        b = GraphBuilder(player, "objective")
        x = b.input("x", "float", "N", FEATURES)
        code = b.one(Dense(units=FEATURES), x, path="a.code")
        back = b.one(Dense(units=FEATURES), code, path="b.back")
        given = code if player == "first" else back
        return b.finish(loss=b.one(Mean(), b.one(Mse(), given, x)))

    def step(name: str, network: str, turns: int) -> StepPlan:
        learn = graph(name)
        names = tuple(p.name for p in learn.parameters if p.name.startswith(f"{network}."))
        return StepPlan(name, learn, graph(name), (GroupPlan(names, SGD),), turns)

    steps = (step("first", "a", times), step("second", "b", 1))
    networks = {"a": network_plan(graph("first"), "a"), "b": network_plan(graph("second"), "b")}
    return RecipePlan("players", networks, None, steps, batch=20, epochs=4)
