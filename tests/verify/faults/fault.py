"""What a fault is, and how one is injected into an op."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx

from dlspec.ir.graph import Graph
from dlspec.ops.base import REGISTRY
from tests.verify.networks import Runner, ort_engine

Where = Literal["onnx", "torch", "meaning", "pass", "model", "engine"]
Edit = Callable[[onnx.ModelProto], None]
Wrap = Callable[[Runner], Runner]


def _nothing(_: onnx.ModelProto) -> None:
    """The model as it is."""


def _same(runner: Runner) -> Runner:
    return runner


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        name: in words.
        subject: the network that it is injected into.
        where: what is wrong: a lowering, the meaning, a pass, the model's file, the engine.
        op: the op whose nodes it spoils; or
        nodes: their paths.
        patch: makes it be wrong while a network is lowered and verified.
        edit: what it does to the ONNX model.
        wrap: what it does to a session.
    """

    name: str
    subject: str
    where: Where
    op: str = ""
    nodes: tuple[str, ...] = ()
    patch: Callable[[], AbstractContextManager[None]] = nullcontext
    edit: Edit = _nothing
    wrap: Wrap = _same

    def __str__(self) -> str:
        return f"{self.where}: {self.name}".replace(" ", "-")

    def spoiled(self, graph: Graph) -> set[str]:
        """The paths of the nodes that it spoils."""
        if not self.op:
            return set(self.nodes)
        return {n.path for n in graph.nodes if n.op.name == self.op}

    def session(self, model: onnx.ModelProto) -> Runner:
        """The deployed engine of a model, with the fault if it is the engine's."""
        if self.where != "engine":
            return ort_engine(model)
        own = onnx.ModelProto()
        own.CopyFrom(model)
        self.edit(own)
        return self.wrap(ort_engine(own))


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Generator[None]:
    """An attribute with another value, for a while."""
    own = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


# --- the lowering to ONNX -------------------------------------------------------------------------

Change = Callable[[Any, str, list[str], dict[str, Any]], str]
"""Given a builder, an ONNX op, its inputs and attributes: adds something else; its result."""


class Spy:
    """A builder that adds something else where an op adds a certain ONNX node."""

    def __init__(self, builder: Any, kind: str, change: Change) -> None:
        self._builder, self._kind, self._change = builder, kind, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._builder, name)

    def subgraph(self, name: str) -> Spy:
        """A loop's body is spied on too."""
        return Spy(self._builder.subgraph(name), self._kind, self._change)

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        if kind == self._kind:
            several = {"outputs": outputs} if outputs > 1 else {}
            return self._change(self._builder, kind, list(inputs), {**attributes, **several})
        return self._builder.op(kind, *inputs, outputs=outputs, **attributes)


def lowered(
    name: str, subject: str, op: str, kind: str, change: Change, nodes: tuple[str, ...] = ()
) -> Fault:
    """An op whose lowering to ONNX adds something else than a certain node; it spoils all nodes of
    the op, or those that are named."""
    owner = REGISTRY[op]
    right = owner.onnx

    def wrong(self: Any, g: Any, *inputs: str) -> Any:
        return right(self, Spy(g, kind, change), *inputs)

    return Fault(
        name,
        subject,
        "onnx",
        "" if nodes else op,
        nodes,
        lambda: replaced(owner, "onnx", wrong),
    )


def attributes(**values: Any) -> Change:
    """Other attributes; a function is given the right value."""

    def change(g: Any, kind: str, inputs: list[str], given: dict[str, Any]) -> str:
        new = {k: v(given.get(k)) if callable(v) else v for k, v in values.items()}
        return g.op(kind, *inputs, **{**given, **new})

    return change


def kind(other: str, **values: Any) -> Change:
    """Another ONNX op with the same inputs, with these attributes alone."""
    return lambda g, kind, inputs, given: g.op(other, *inputs, **values)


def given(change: Callable[[Any, list[str]], list[str]]) -> Change:
    """Other inputs; gets the builder and the right inputs."""

    def changed(g: Any, kind: str, inputs: list[str], attributes: dict[str, Any]) -> str:
        return g.op(kind, *change(g, inputs), **attributes)

    return changed


def then(finish: Callable[[Any, str], str]) -> Change:
    """One thing more done to the result."""

    def change(g: Any, kind: str, inputs: list[str], attributes: dict[str, Any]) -> str:
        return finish(g, g.op(kind, *inputs, **attributes))

    return change


def number(g: Any, value: float, dtype: str = "float32") -> str:
    """A constant."""
    return g.constant(np.array(value, dtype))


# --- the lowering to PyTorch, and the meaning -----------------------------------------------------


def said(
    name: str, subject: str, op: str, wrong: Mapping[str, str] | Callable[[str], str]
) -> Fault:
    """An op whose PyTorch has other text: pieces of it replaced, or all of it made from the right
    one; where the op is a module, in what makes the module."""
    owner = REGISTRY[op]
    right, module = owner.torch, owner.torch_module

    def change(text: str) -> str:
        if not isinstance(wrong, Mapping):
            return wrong(text)
        for before, after in wrong.items():
            text = text.replace(before, after)
        return text

    @contextmanager
    def patch() -> Generator[None]:
        def text(self: Any, t: Any, *inputs: str) -> str:
            return change(right(self, t, *inputs))

        def made(self: Any, *inputs: Any) -> str | None:
            found = module(self, *inputs)
            if found is None or not isinstance(wrong, Mapping):
                return None  # a function can be changed freely, what makes a module cannot
            return change(found)

        with replaced(owner, "torch", text), replaced(owner, "torch_module", made):
            yield

    return Fault(name, subject, "torch", op, patch=patch)


def stated(
    name: str,
    subject: str,
    op: str,
    wrong: Mapping[str, str],
    nodes: tuple[str, ...] = (),
) -> Fault:
    """An op whose PyTorch statements have pieces replaced."""
    owner = REGISTRY[op]
    right = owner.torch_statements  # type: ignore[attr-defined]

    def change(self: Any, t: Any, inputs: Any, outputs: Any) -> list[str]:
        lines = "\n".join(right(self, t, inputs, outputs))
        for before, after in wrong.items():
            lines = lines.replace(before, after)
        return lines.split("\n")

    return Fault(
        name,
        subject,
        "torch",
        "" if nodes else op,
        nodes,
        lambda: replaced(owner, "torch_statements", change),
    )


def meant(name: str, subject: str, op: str, wrong: Callable[..., Any]) -> Fault:
    """An op whose NumPy meaning is another one: ``wrong(op, right, *inputs)``."""
    owner = REGISTRY[op]
    right = owner.reference

    def reference(self: Any, *inputs: Any) -> Any:
        return wrong(self, lambda *i: right(self, *i), *inputs)

    return Fault(
        name, subject, "meaning", op, patch=lambda: replaced(owner, "reference", reference)
    )
