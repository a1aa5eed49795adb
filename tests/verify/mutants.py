"""Faults that exporters, optimisers and engines have really had, each as an edit of the ONNX
model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

Edit = Callable[[onnx.ModelProto], None]


@dataclass(frozen=True)
class Mutant:
    """An edit, and the path of the node that it spoils."""

    edit: Edit
    node: str


def find(model: onnx.ModelProto, path: str) -> onnx.NodeProto:
    """The ONNX node that was emitted for a dlspec node."""
    return next(n for n in model.graph.node if n.name.startswith(f"{model.graph.name}.{path}/"))


def attribute(path: str, **values: Any) -> Edit:
    """Set attributes."""

    def edit(model: onnx.ModelProto) -> None:
        node = find(model, path)
        kept = [a for a in node.attribute if a.name not in values]
        del node.attribute[:]
        node.attribute.extend(kept)
        node.attribute.extend(
            helper.make_attribute(k, v) for k, v in values.items() if v is not None
        )

    return edit


def kind(path: str, op: str, keep: bool = True, **values: Any) -> Edit:
    """Another op in its place."""

    def edit(model: onnx.ModelProto) -> None:
        node = find(model, path)
        node.op_type = op
        if not keep:
            del node.attribute[:]
        attribute(path, **values)(model)

    return edit


def inputs(path: str, change: Callable[[list[str]], list[str]]) -> Edit:
    """Other inputs."""

    def edit(model: onnx.ModelProto) -> None:
        node = find(model, path)
        changed = change(list(node.input))
        del node.input[:]
        node.input.extend(changed)

    return edit


def weight(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Edit:
    """Another value of an initializer."""

    def edit(model: onnx.ModelProto) -> None:
        tensor = next(t for t in model.graph.initializer if t.name == name)
        value = np.ascontiguousarray(change(numpy_helper.to_array(tensor).copy()))
        tensor.CopyFrom(numpy_helper.from_array(value, name))

    return edit


def after(path: str, op: str, *constants: np.ndarray, **values: Any) -> Edit:
    """One more ONNX node behind a node."""

    def edit(model: onnx.ModelProto) -> None:
        node = find(model, path)
        result = node.output[0]
        node.output[0] = f"{result}.before"
        names: list[str] = []
        for number, constant in enumerate(constants):
            names.append(f"{path}.extra.{number}")
            model.graph.initializer.append(numpy_helper.from_array(constant, names[-1]))
        name = f"{model.graph.name}.{path}/Extra{op}"
        extra = helper.make_node(op, [node.output[0], *names], [result], name, **values)
        model.graph.node.insert(list(model.graph.node).index(node) + 1, extra)

    return edit


def zeroed(path: str, position: int, size: int) -> Edit:
    """An input replaced by zeros."""

    def edit(model: onnx.ModelProto) -> None:
        zeros = np.zeros(size, np.float32)
        model.graph.initializer.append(numpy_helper.from_array(zeros, "zeros"))
        find(model, path).input[position] = "zeros"

    return edit


def half(path: str) -> Edit:
    """A result that is computed in fp16, though float32 is promised."""

    def edit(model: onnx.ModelProto) -> None:
        after(path, "Cast", to=onnx.TensorProto.FLOAT16)(model)
        last = next(n for n in model.graph.node if n.name == f"{model.graph.name}.{path}/ExtraCast")
        result = last.output[0]
        last.output[0] = f"{result}.half"
        back = helper.make_node(
            "Cast",
            [last.output[0]],
            [result],
            f"{model.graph.name}.{path}/Back",
            to=onnx.TensorProto.FLOAT,
        )
        model.graph.node.insert(list(model.graph.node).index(last) + 1, back)

    return edit


MUTANTS: Mapping[str, Mutant] = {
    "wrong padding": Mutant(attribute("right", pads=[0, 0, 2, 2]), "right"),
    "dilation": Mutant(attribute("maps", dilations=[2, 2], pads=[2, 2, 2, 2]), "maps"),
    "stride": Mutant(attribute("left", strides=[2, 2]), "left"),
    "lost bias": Mutant(inputs("left", lambda i: i[:2]), "left"),
    "exchanged biases": Mutant(inputs("left", lambda i: [i[0], i[1], "right.bias"]), "left"),
    "transposed kernel": Mutant(weight("right.weight", lambda w: w.transpose(0, 1, 3, 2)), "right"),
    "flipped kernel": Mutant(weight("maps.weight", lambda w: w[:, :, ::-1]), "maps"),
    "scaled weights": Mutant(weight("hidden.weight", lambda w: w * np.float32(1 + 1e-4)), "hidden"),
    "weights through fp16": Mutant(
        weight("scores.weight", lambda w: w.astype(np.float16).astype(np.float32)), "scores"
    ),
    "fp16 inside": Mutant(half("residual"), "residual"),
    "epsilon times ten": Mutant(attribute("norm", epsilon=1e-4), "norm"),
    "lost running mean": Mutant(zeroed("norm", 3, 4), "norm"),
    "lost scale": Mutant(inputs("norm", lambda i: [i[0], i[4], *i[2:]]), "norm"),
    "leaky for relu": Mutant(kind("act", "LeakyRelu", alpha=0.01), "act"),
    "average for max pooling": Mutant(kind("pool", "AveragePool"), "pool"),
    "concat order": Mutant(inputs("joined", lambda i: i[::-1]), "joined"),
    "sub for add": Mutant(kind("residual", "Sub"), "residual"),
    "max for mean": Mutant(kind("mean", "ReduceMax"), "mean"),
    "sum for mean": Mutant(kind("mean", "ReduceSum"), "mean"),
    "batch baked": Mutant(weight("flat/constant", lambda s: np.array([1, -1])), "flat"),
    "rows mixed": Mutant(kind("sureness.softmax", "Softmax", axis=0), "sureness.softmax"),
    "hard for exact sigmoid": Mutant(kind("sigmoid", "HardSigmoid"), "sigmoid"),
    "dropout left on": Mutant(after("act", "Dropout", np.float32(0.5), np.array(True)), "act"),
    "label off by one": Mutant(after("label.argmax", "Add", np.int64(1)), "label.argmax"),
    "smallest for largest": Mutant(kind("label.argmax", "ArgMin"), "label.argmax"),
    "scaled sum": Mutant(attribute("scores", alpha=1 + 1e-5), "scores"),
    "rounded to zero": Mutant(after("mean", "Round"), "mean"),
}
