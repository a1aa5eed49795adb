"""Engines that do something else than the model from which they are built."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.verify.faults.fault import Edit, Fault, Wrap
from tests.verify.networks import Arrays, Runner

Nodes = Callable[[onnx.NodeProto], bool]


def kinds(*names: str) -> Nodes:
    """Nodes of some kinds."""
    return lambda node: node.op_type in names


def rounded(which: Nodes, to: int) -> Edit:
    """Results of nodes rounded to another element type and back."""

    def edit(model: onnx.ModelProto) -> None:
        nodes: list[onnx.NodeProto] = []
        for node in model.graph.node:
            nodes.append(node)
            if which(node):
                result, before = node.output[0], f"{node.output[0]}.exact"
                node.output[0] = before
                nodes.append(helper.make_node("Cast", [before], [f"{before}.half"], to=to))
                back = onnx.TensorProto.FLOAT
                nodes.append(helper.make_node("Cast", [f"{before}.half"], [result], to=back))
        _nodes(model, nodes)

    return edit


def tf32(which: Nodes) -> Edit:
    """The first operand of nodes rounded to 11 bits (Veltkamp's splitting)."""

    def edit(model: onnx.ModelProto) -> None:
        split = numpy_helper.from_array(np.array(2.0**13 + 1, np.float32), "split")
        model.graph.initializer.append(split)
        nodes: list[onnx.NodeProto] = []
        for node in model.graph.node:
            if which(node):
                x = node.input[0]
                c, d, y = (f"{node.name}.{part}" for part in "cdy")
                nodes.append(helper.make_node("Mul", [x, "split"], [c]))
                nodes.append(helper.make_node("Sub", [c, x], [d]))
                nodes.append(helper.make_node("Sub", [c, d], [y]))
                node.input[0] = y
            nodes.append(node)
        _nodes(model, nodes)

    return edit


def changed(which: Nodes, change: Callable[[onnx.NodeProto], None]) -> Edit:
    """Nodes changed, as a fusion would."""

    def edit(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            if which(node):
                change(node)

    return edit


def constants(which: Callable[[str, np.ndarray], bool], change: Callable[..., np.ndarray]) -> Edit:
    """Other values of initializers."""

    def edit(model: onnx.ModelProto) -> None:
        for tensor in model.graph.initializer:
            value = numpy_helper.to_array(tensor)
            if which(tensor.name, value):
                tensor.CopyFrom(numpy_helper.from_array(change(value.copy()), tensor.name))

    return edit


def _nodes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _set(name: str, value: object) -> Callable[[onnx.NodeProto], None]:
    def change(node: onnx.NodeProto) -> None:
        kept = [a for a in node.attribute if a.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return change


def _to(kind: str) -> Callable[[onnx.NodeProto], None]:
    def change(node: onnx.NodeProto) -> None:
        node.op_type = kind
        del node.attribute[:]

    return change


def _without_third(node: onnx.NodeProto) -> None:
    del node.input[2:]


def reading(change: Callable[[Arrays], Arrays]) -> Wrap:
    """An engine that reads its inputs otherwise."""
    return lambda runner: lambda inputs: runner(change(dict(inputs)))


def answering(change: Callable[[Mapping[str, np.ndarray]], Arrays]) -> Wrap:
    """An engine that gives its answers otherwise."""

    def wrap(runner: Runner) -> Runner:
        return lambda inputs: change(runner(inputs))

    return wrap


def _through(dtype: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {
        n: a.astype(dtype).astype(a.dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()
    }


def _exchanged(one: str, other: str) -> Callable[[Mapping[str, np.ndarray]], Arrays]:
    def change(arrays: Mapping[str, np.ndarray]) -> Arrays:
        found = dict(arrays)
        if one in found and other in found:
            found[one], found[other] = found[other], found[one]
        return found

    return change


def _first_only(runner: Runner) -> Runner:
    """A batch of one, whatever comes."""

    def run(inputs: Mapping[str, np.ndarray]) -> Arrays:
        return runner({n: a[:1] for n, a in inputs.items()})

    return run


def _repeated(runner: Runner) -> Runner:
    """The first row's answer for all rows, as of an engine that broadcasts a batch of one."""

    def run(inputs: Mapping[str, np.ndarray]) -> Arrays:
        return {n: np.repeat(a[:1], len(a), 0) for n, a in runner(inputs).items()}

    return run


def _fault(
    name: str, subject: str, nodes: str, edit: Edit | None = None, wrap: Wrap | None = None
) -> Fault:
    places = tuple(nodes.split())
    if edit is not None:
        return Fault(name, subject, "engine", nodes=places, edit=edit)
    assert wrap is not None
    return Fault(name, subject, "engine", nodes=places, wrap=wrap)


_FLOAT16, _BFLOAT16 = onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16
_DENSE = "query.dense key.dense value.dense scores.dense"

ENGINE_FAULTS: tuple[Fault, ...] = (
    _fault("fp16 kernels of convolutions", "picture", "stem.conv left.conv",
           rounded(kinds("Conv"), _FLOAT16)),
    _fault("bfloat16 kernels of products", "sentence", "weights.matmul heard.matmul",
           rounded(lambda n: n.op_type == "MatMul" and "dense" not in n.name, _BFLOAT16)),
    _fault("TF32 in convolutions", "picture", "stem.conv left.conv", tf32(kinds("Conv"))),
    _fault("TF32 in dense layers", "mixed", "wide.dense second.dense shared shared2 z.dense",
           tf32(kinds("Gemm"))),
    _fault("batch norm fused without epsilon", "picture", "normed.batch_norm again.batch_norm",
           changed(kinds("BatchNormalization"), _set("epsilon", 1e-12))),
    _fault("convolution fused without bias", "picture", "stem.conv left.conv",
           changed(kinds("Conv"), _without_third)),
    _fault("rectifier fused away", "picture", "bent.relu",
           changed(kinds("Relu"), _to("Identity"))),
    _fault("gelu fused in its fast form", "mixed", "smooth.gelu",
           changed(kinds("Gelu"), _set("approximate", "tanh"))),
    _fault("tanh by an approximation", "mixed", "first.tanh",
           changed(kinds("Tanh"), _to("Softsign"))),
    _fault("layer norm fused with another epsilon", "sentence", "scale.add",
           constants(lambda n, v: v.shape == () and 0 < v < 1e-3, lambda v: v * 100)),
    _fault("scale of attention lost", "sentence", "weights.div",
           constants(lambda n, v: v.shape == () and v == 4, lambda v: v * 2)),
    _fault("clip fused with its default", "mixed", "held.clip",
           changed(kinds("Clip"), _without_third)),
    _fault("slope of leaky rectifiers lost", "picture", "leaky.leaky_relu",
           changed(kinds("LeakyRelu"), _set("alpha", 0.01))),
    _fault("weights kept in fp16", "sentence", f"table seen.add {_DENSE}",
           constants(lambda n, v: v.dtype == np.float32 and v.ndim > 0,
                     lambda v: v.astype(np.float16).astype(np.float32))),
    _fault("a batch of one", "picture", "image.cast", wrap=_first_only),
    _fault("the first row for all", "mixed", "wide.dense", wrap=_repeated),
    _fault("inputs rounded to fp16", "mixed", "wide.dense", wrap=reading(_through("float16"))),
    _fault("inputs taken in another order", "mixed", "wide.dense second.dense",
           wrap=reading(_exchanged("x", "y"))),
    _fault("outputs in another order", "mixed", "logs.log root.sqrt sharp.log_softmax",
           wrap=answering(_exchanged("logs", "root"))),
    _fault("an output rounded to fp16", "picture", "sure.softmax", wrap=answering(
        lambda o: {n: _through("float16")({n: a})[n] if n == "sure" else a for n, a in o.items()}
    )),
    _fault("bytes read with a sign", "picture", "image.cast x.div", wrap=reading(
        lambda i: {n: np.minimum(a, 127).astype(a.dtype) for n, a in i.items()}
    )),
    _fault("labels from one on", "integers", "best.argmax", wrap=answering(
        lambda o: {n: a + 1 if n == "best" else a for n, a in o.items()}
    )),
)  # fmt: skip
