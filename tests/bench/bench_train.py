"""Training throughput against the best hand-written PyTorch loop: data in memory, fused optimiser,
the same threads and precision of products that dlspec's probe chooses.

    python tests/bench/bench_train.py [--pairs 9] [--seconds 1.5] [--task lenet_adam]

Both train the same network on the same 60,000 drawn 28 × 28 examples in one process, taking turns;
a row's ratio is the median over pairs of (dlspec samples/s) / (hand-written samples/s). Training
promises more than 0.95.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from dlspec.data import Dataset, Field, Splits
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph, Value
from dlspec.ir.plan import GroupPlan, NetworkPlan, OptimizerPlan, RecipePlan, StepPlan
from dlspec.ops.activation import Relu
from dlspec.ops.convolution import Conv
from dlspec.ops.linear import Dense
from dlspec.ops.loss import CrossEntropy
from dlspec.ops.pooling import MaxPool
from dlspec.ops.reduction import Mean
from dlspec.ops.shape import Flatten
from dlspec.train.machine import Choice, device_of
from dlspec.train.options import TrainOptions
from dlspec.train.program import program_of
from dlspec.train.rundir import RunDir
from dlspec.train.session import Limits, Session
from dlspec.train.training import choose
from tests.bench.pairs import save

N = 60_000
TASKS = {
    "mlp_sgd": ("mlp", 100, OptimizerPlan("sgd", {"lr": 0.01})),
    "mlp_adam": ("mlp", 100, OptimizerPlan("adam", {"lr": 0.001})),
    "lenet_adam": ("lenet", 128, OptimizerPlan("adam", {"lr": 0.001})),
}


def mlp() -> nn.Module:
    """784-500-500-10."""
    return nn.Sequential(
        nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU(), nn.Linear(500, 10)
    )


def lenet() -> nn.Module:
    """LeNet-5 with rectifiers and max pooling."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def graph_of(kind: str) -> Graph:
    """The same network as a graph."""
    b = GraphBuilder(kind, "objective")
    shape = (784,) if kind == "mlp" else (1, 28, 28)
    h: Value = b.input("x", "float", "N", *shape)
    label = b.input("label", "int", "N")
    if kind == "mlp":
        widths = [500, 500, 10]
    else:
        h = b.one(Relu(), b.one(Conv(channels=6, kernel=5, pad=2), h, path="net.c1"))
        h = b.one(Relu(), b.one(Conv(channels=16, kernel=5), b.one(MaxPool(2), h), path="net.c2"))
        h = b.one(Flatten(), b.one(MaxPool(2), h))
        widths = [120, 84, 10]
    for i, width in enumerate(widths):
        h = b.one(Dense(units=width), h, path=f"net.f{i}")
        h = b.one(Relu(), h) if i < len(widths) - 1 else h
    return b.finish(loss=b.one(Mean(), b.one(CrossEntropy(), h, label)))


def by_hand(
    model: nn.Module, plan: OptimizerPlan, x: torch.Tensor, y: torch.Tensor, size: int
) -> Iterator[None]:
    """The loop that a person who knows PyTorch writes; yields after each step."""
    rate = float(plan.settings["lr"])  # type: ignore[arg-type]
    kind = torch.optim.SGD if plan.kind == "sgd" else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=rate, fused=True)
    while True:
        order = torch.randperm(N)
        for at in range(0, N - size + 1, size):
            rows = order[at : at + size]
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x.index_select(0, rows)), y.index_select(0, rows))
            loss.backward()
            optimizer.step()
            yield


def by_loader(
    model: nn.Module, plan: OptimizerPlan, x: torch.Tensor, y: torch.Tensor, size: int
) -> Iterator[None]:
    """The usual loop: a `DataLoader` over a `TensorDataset`, the optimiser as it comes."""
    from torch.utils.data import DataLoader, TensorDataset

    rate = float(plan.settings["lr"])  # type: ignore[arg-type]
    kind = torch.optim.SGD if plan.kind == "sgd" else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=rate)
    loader = DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True, drop_last=True)
    while True:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            yield


PEERS = {"hand": by_hand, "loader": by_loader}


def speed_by_hand(loop: Iterator[None], steps: int, size: int) -> float:
    """Samples a second over some steps."""
    start = time.perf_counter()
    for _ in range(steps):
        next(loop)
    return steps * size / (time.perf_counter() - start)


def speed_of_session(session: Session, steps: int, size: int) -> float:
    """Samples a second of the real loop, reading losses and telling events as ever.

    The checkpoint at the end of each piece is not counted: a real run writes one an epoch at most,
    and spends at most 1 % of its time on that.
    """
    before = session.state.learning_seconds
    session.limits = Limits(None, session.state.step + steps)
    session.run()
    return steps * size / (session.state.learning_seconds - before)


def compare(task: str, peer: str, pairs: int, seconds: float) -> dict[str, Any]:
    """Print and return the median ratio of a task to a peer."""
    kind, size, optimizer = TASKS[task]
    rng = np.random.default_rng(0)
    x = rng.random((N, 784), dtype=np.float32)
    y = x[:, :10].argmax(1).astype(np.int64)
    x = x if kind == "mlp" else x.reshape(N, 1, 28, 28)
    graph = graph_of(kind)
    names = tuple(p.name for p in graph.parameters)
    step = StepPlan("learn", graph, graph, (GroupPlan(names, optimizer),))
    plan = RecipePlan(kind, {"net": NetworkPlan("net", graph)}, None, (step,), size, epochs=10**6)
    columns = {"x": x, "label": y}
    train = Dataset(columns, {n: Field.of(n, c) for n, c in columns.items()})

    with tempfile.TemporaryDirectory() as folder, RunDir(Path(folder)) as run:
        options = TrainOptions(run_dir=Path(folder), quiet=True)
        program = program_of(plan, run.source, 0, device_of("cpu"))
        session = Session(program, Splits(train, None, None), options, run, 0, lambda event: None)
        choice: Choice = choose(session, options, None)
        torch.manual_seed(0)
        model = mlp() if kind == "mlp" else lenet()
        loop = PEERS[peer](model, optimizer, torch.from_numpy(x), torch.from_numpy(y), size)
        steps = max(50, int(seconds * speed_by_hand(loop, 60, size) / size))
        speed_of_session(session, 60, size)
        rows: list[tuple[float, float]] = []
        for pair in range(pairs):
            if pair % 2:
                hand = speed_by_hand(loop, steps, size)
                ours = speed_of_session(session, steps, size)
            else:
                ours = speed_of_session(session, steps, size)
                hand = speed_by_hand(loop, steps, size)
            rows.append((ours, hand))
    ratios = sorted(ours / hand for ours, hand in rows)
    ratio = statistics.median(ratios)
    ours, hand = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"{task:11} dlspec {ours:8.0f}/s  {peer:6} {hand:8.0f}/s  ratio {ratio:.3f}"
        f"  ({ratios[0]:.2f} to {ratios[-1]:.2f}, {pairs} pairs;"
        f" threads {choice.threads}, products {choice.matmul})",
        flush=True,
    )
    return {
        "name": f"{task} / {peer}",
        "ratio": round(ratio, 4),
        "low": round(ratios[0], 4),
        "high": round(ratios[-1], 4),
        "ours_per_s": round(ours),
        "peer_per_s": round(hand),
        "pairs": pairs,
        "threads": choice.threads,
        "products": choice.matmul,
        "promise": ">= 0.95" if peer == "hand" else ">= 2 (mlp_adam)",
    }


def main() -> int:
    """Compare; 1 where a ratio is below 0.95."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--task", choices=TASKS, action="append")
    given = parser.parse_args()
    rows = [compare(task, "hand", given.pairs, given.seconds) for task in given.task or TASKS]
    rows.append(compare("mlp_adam", "loader", given.pairs, given.seconds))
    if not given.task:
        save("train", rows)
    return int(min(row["ratio"] for row in rows[:-1]) < 0.95)


if __name__ == "__main__":
    sys.exit(main())
