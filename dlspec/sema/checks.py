"""Checks: on shapes and counts they are decided here; on values and metrics they travel with the
model.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import BadInputValue, BadValue, CheckedCount, CheckedShape
from dlspec.diagnostics.names import (
    NotYet,
    SeveralOutputs,
    UnknownAttribute,
    UnknownName,
    UnknownSetting,
    WrongKind,
)
from dlspec.dims import Dim, text_of
from dlspec.ir.graph import Graph, Input
from dlspec.ir.plan import CheckPlan, NetworkPlan, RecipePlan
from dlspec.sema.arguments import Given
from dlspec.sema.context import Frame
from dlspec.sema.elaborate import Elaborator
from dlspec.sema.inputs import input_names
from dlspec.sema.values import Layer, describe, is_number, literal_array
from dlspec.source import Span
from dlspec.syntax import ast

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


GraphOf = Callable[[ast.Definition, dict[str, Given], Span], Graph | None]
"""The inference graph of a network with settings that are given at a place in the text; None where
mistakes were told."""


class Checker:
    """Reads the checks of a file against its networks and recipes.

    ``graph_of`` is asked for networks with settings of their own: `net(depth = 9).parameters`.
    """

    def __init__(
        self,
        el: Elaborator,
        frame: Frame,
        networks: dict[str, NetworkPlan],
        recipes: dict[str, RecipePlan],
        graph_of: GraphOf,
    ) -> None:
        self.el = el
        self.frame = frame
        self.networks = networks
        self.recipes = recipes
        self.graph_of = graph_of

    def read(self, check: ast.Check) -> tuple[str, CheckPlan] | None:
        """The network that a check travels with, and its plan; None where it is decided at compile
        time.
        """
        if check.dims is not None:
            self._shape(check)
            return None
        value = check.value
        if not isinstance(value, ast.Binary) or value.op not in COMPARISONS:
            raise DlspecError(
                WrongKind(
                    check.span,
                    "a comparison, or a shape after `:`",
                    "this",
                    "`check net(x = …).y == …`",
                )
            )
        left, right, op = value.left, value.right, value.op
        if not self._names_model(left) and self._names_model(right):
            left, right, op = right, left, _FLIPPED[op]
        expected = self.el.evaluate(right, self.frame)
        array = literal_array(expected)
        if array is None:
            raise DlspecError(
                WrongKind(right.span, "a number or a literal array", describe(expected))
            )
        within = 0.0
        if check.within is not None:
            given = self.el.evaluate(check.within, self.frame)
            if not is_number(given) or given < 0:
                raise DlspecError(
                    BadValue(check.within.span, "within", describe(given), "a number from 0")
                )
            within = float(given)
        if isinstance(left, ast.Attribute) and isinstance(left.object, ast.Attribute):
            metric = self._metric(left, op, array, within, check)
            if metric is not None:
                return metric
        if (
            isinstance(left, ast.Attribute)
            and left.name == "parameters"
            and (isinstance(left.object, ast.Name) or self._is_layer(left.object))
        ):
            self._parameters(left, op, array, check)
            return None
        call, output = self._application(left)
        plan, inputs = self._inputs(call)
        name = self._output(plan, output, left)
        return plan.name, CheckPlan(
            "value",
            check.span.text,
            name,
            op,  # type: ignore[arg-type]
            array,
            within,
            inputs,
            check.span,
        )

    def _names_model(self, expr: ast.Expr) -> bool:
        while isinstance(expr, (ast.Attribute, ast.Call)):
            expr = expr.object if isinstance(expr, ast.Attribute) else expr.function
        return isinstance(expr, ast.Name) and (expr.id in self.networks or expr.id in self.recipes)

    def _metric(
        self, left: ast.Attribute, op: Any, array: Any, within: float, check: ast.Check
    ) -> tuple[str, CheckPlan] | None:
        part = left.object
        assert isinstance(part, ast.Attribute)
        if not isinstance(part.object, ast.Name) or part.object.id not in self.recipes:
            return None
        recipe = self.recipes[part.object.id]
        parts = ("train", "validation", "test")
        if part.name not in parts:
            raise DlspecError(
                UnknownAttribute(
                    part.name_span,
                    part.name,
                    "a recipe",
                    did_you_mean(part.name, parts),
                    "`train`, `validation`, `test`",
                )
            )
        metrics = ("loss", *recipe.metrics)
        if left.name not in metrics:
            known = ", ".join(f"`{m}`" for m in metrics)
            raise DlspecError(
                UnknownAttribute(
                    left.name_span,
                    left.name,
                    f"recipe `{recipe.name}`",
                    did_you_mean(left.name, metrics),
                    known,
                )
            )
        network = next(iter(recipe.networks.values())).name
        output = f"{part.name}.{left.name}"
        return network, CheckPlan(
            "metric", check.span.text, output, op, array, within, {}, check.span, recipe.name
        )

    def _is_layer(self, expr: ast.Expr) -> bool:
        """Whether this calls a network without inputs, as in `net(depth = 9)`."""
        if not isinstance(expr, ast.Call) or not isinstance(expr.function, ast.Name):
            return False
        definition = self.frame.program.definitions.get(expr.function.id)
        if not isinstance(definition, ast.Definition) or definition.kind != "network":
            return False
        inputs = input_names(definition)
        return not any(a.name in inputs for a in expr.arguments)

    def _parameters(self, left: ast.Attribute, op: str, array: Any, check: ast.Check) -> None:
        """`check net.parameters == 10`: of the network that is built; with settings, or with `()`
        for the defaults, of one of its own."""
        if array.ndim:
            raise DlspecError(WrongKind(check.span, "a number of parameters", "a list"))
        if isinstance(left.object, ast.Name):
            plan = self._network(left.object)
            name, graph = plan.name, plan.graph
        else:
            layer = self.el.evaluate(left.object, self.frame)
            if not isinstance(layer, Layer) or not isinstance(layer.definition, ast.Definition):
                raise DlspecError(WrongKind(left.object.span, "a network", describe(layer)))
            name = layer.definition.name
            graph = self.graph_of(layer.definition, layer.settings, left.object.span)
            if graph is None:
                return
        count = sum(counts(graph).values())
        if not _COMPARE[op](count, array.item()):
            wanted = f"{'' if op == '==' else op + ' '}{array.item():,}"
            differs = f"{count - array.item():+,}" if op == "==" else None
            raise DlspecError(
                CheckedCount(
                    check.value.span, name, f"{count:,}", wanted, _largest(counts(graph)), differs
                )
            )

    def _network(self, name: ast.Name) -> NetworkPlan:
        plan = self.networks.get(name.id)
        if plan is None:
            known = list(self.networks)
            raise DlspecError(
                UnknownName(
                    name.span,
                    name.id,
                    did_you_mean(name.id, known),
                    f"the networks are {', '.join(known)}" if known else None,
                )
            )
        return plan

    def _application(self, expr: ast.Expr) -> tuple[ast.Call, ast.Attribute | None]:
        if isinstance(expr, ast.Attribute) and isinstance(expr.object, ast.Call):
            return expr.object, expr
        if isinstance(expr, ast.Call):
            return expr, None
        raise DlspecError(
            NotYet(expr.span, "a check on this", "check an application: `net(x = …).y`")
        )

    def _inputs(self, call: ast.Call) -> tuple[NetworkPlan, dict[str, Any]]:
        if not isinstance(call.function, ast.Name):
            raise DlspecError(NotYet(call.span, "a check on this"))
        plan = self._network(call.function)
        known = {i.name: i for i in plan.graph.inputs}
        order = [i.name for i in plan.graph.data_inputs]
        found: dict[str, Any] = {}
        symbols: dict[str, int] = {}
        for position, argument in enumerate(call.arguments):
            key = argument.name or (order[position] if position < len(order) else "")
            target = known.get(key)
            if target is None:
                listed = ", ".join(f"`{k}`" for k in known)
                raise DlspecError(
                    UnknownSetting(
                        argument.span,
                        argument.name or argument.span.text,
                        plan.name,
                        did_you_mean(key, known),
                        listed,
                    )
                )
            value = self.el.evaluate(argument.value, self.frame)
            array = literal_array(value)
            if array is None:
                raise DlspecError(WrongKind(argument.span, "a literal array", describe(value)))
            found[key] = _fitting(target, array, symbols, argument)
        for name in known:
            if name not in found:
                from dlspec.diagnostics.names import MissingArgument

                raise DlspecError(MissingArgument(call.span, name, plan.name))
        return plan, found

    def _output(self, plan: NetworkPlan, chosen: ast.Attribute | None, expr: ast.Expr) -> str:
        names = [o.name for o in plan.graph.outputs]
        if chosen is None:
            if len(names) != 1:
                listed = ", ".join(f"`.{n}`" for n in names)
                raise DlspecError(SeveralOutputs(expr.span, plan.name, listed))
            return names[0]
        if chosen.name not in names:
            listed = ", ".join(f"`{n}`" for n in names)
            raise DlspecError(
                UnknownAttribute(
                    chosen.name_span,
                    chosen.name,
                    f"`{plan.name}`",
                    did_you_mean(chosen.name, names),
                    listed,
                )
            )
        return chosen.name

    def _shape(self, check: ast.Check) -> None:
        """`check lenet(image = zeros(1, 28, 28)).logits : [1, 10]`."""
        call, output = self._application(check.value)
        plan, inputs = self._inputs(call)
        name = self._output(plan, output, check.value)
        symbols = symbols_of(plan.graph, inputs)
        actual = [d.substitute(symbols) for d in plan.graph.output(name).value.type.shape]
        expected: list[Dim] = []
        for dim in check.dims or ():
            if dim.expr is None or dim.kind != "exact":
                raise DlspecError(NotYet(dim.span, "this in a checked shape"))
            value = self.el.evaluate(dim.expr, self.frame)
            if not isinstance(value, (int, Dim)) or isinstance(value, bool):
                raise DlspecError(WrongKind(dim.span, "a size", describe(value)))
            expected.append(Dim.of(value))
        if actual != expected:
            raise DlspecError(CheckedShape(check.value.span, text_of(actual), text_of(expected)))


def counts(graph: Graph) -> dict[str, int]:
    """How many numbers each layer learns: by the path that its parameters begin with."""
    found: dict[str, int] = {}
    for parameter in graph.parameters:
        layer = parameter.name.rpartition(".")[0] or parameter.name
        size = math.prod(d.value or 0 for d in parameter.type.shape)
        found[layer] = found.get(layer, 0) + size
    return found


def _largest(counts: dict[str, int], most: int = 4) -> str | None:
    """The layers with the most parameters, in words."""
    order = sorted(counts, key=lambda name: -counts[name])
    shown = [f"`{name}` has {counts[name]:,}" for name in order[:most]]
    rest = sum(counts[name] for name in order[most:])
    if rest:
        shown.append(f"{len(order) - most} more layers have {rest:,}")
    return ", ".join(shown) or None


def symbols_of(graph: Graph, inputs: dict[str, Any]) -> dict[str, int]:
    """What given inputs bind the symbols of their types to."""
    found: dict[str, int] = {}
    for value in graph.inputs:
        if value.name in inputs:
            for dim, size in zip(value.type.shape, inputs[value.name].shape, strict=True):
                if dim.symbol is not None:
                    found[dim.symbol] = size
    return found


def _fitting(target: Input, array: Any, symbols: dict[str, int], argument: ast.Argument) -> Any:
    """The array in the input's element type, if its shape fits."""
    wrong = BadInputValue(
        argument.span, target.name, str(target.type), f"an array of shape {list(array.shape)}"
    )
    if array.ndim != target.type.rank:
        raise DlspecError(wrong)
    for dim, size in zip(target.type.shape, array.shape, strict=True):
        symbol = dim.symbol
        known = dim.value if symbol is None else symbols.setdefault(symbol, size)
        if known is not None and known != size:
            raise DlspecError(wrong)
    converted = array.astype(target.type.dtype.value)
    if not np.allclose(converted.astype(np.float64), array.astype(np.float64), rtol=1e-6):
        raise DlspecError(
            BadInputValue(argument.span, target.name, str(target.type), "a value outside that type")
        )
    return converted
