"""The settings of a recipe: optimisers, schedules, batch, epochs, early stop, precision; each
checked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from dlspec.diagnostics import DlspecError, Sink, did_you_mean
from dlspec.diagnostics.meaning import (
    BadValue,
)
from dlspec.diagnostics.names import (
    NotYet,
    UnknownSetting,
)
from dlspec.ir.figures import falls
from dlspec.ir.optimizer_plan import OPTIMIZERS, ClipPlan, OptimizerSetting
from dlspec.ir.plan import (
    SCHEDULES,
    EarlyStop,
    OptimizerPlan,
    Quantity,
    Schedule,
)
from dlspec.sema.context import Frame
from dlspec.sema.elaborate import Elaborator
from dlspec.sema.misfits import wrong_schedule
from dlspec.sema.recipe_body import metric_name
from dlspec.sema.recipe_stages import Settings
from dlspec.sema.values import (
    Poisoned,
    describe,
    is_number,
)
from dlspec.source import Span
from dlspec.syntax import ast

OPTIMIZERS_LATER = ("adadelta", "lbfgs")


class SettingReader:
    """Reads settings as written into what a plan holds; mistakes go to the sink.

    Args:
        settings: as written.
        elaborator, frame: evaluate the values, with the recipe's own settings in reach.
        sink: collects mistakes.
    """

    def __init__(
        self, settings: Settings, elaborator: Elaborator, frame: Frame, sink: Sink
    ) -> None:
        self.settings = settings
        self.elaborator = elaborator
        self.frame = frame
        self.sink = sink

    def value_of(self, expr: ast.Expr) -> Any:
        """A compile-time value of a setting."""
        return self.elaborator.evaluate(expr, self.frame)

    def optimizer(self, expr: ast.Expr) -> OptimizerPlan | None:
        """`adam(0.001)`, `sgd(0.01, momentum = 0.9)`."""
        try:
            return self._optimizer(expr)
        except DlspecError as error:
            for diagnostic in error.diagnostics:
                self.sink.report(diagnostic)
        except Poisoned:
            pass
        return None

    def _optimizer(self, expr: ast.Expr) -> OptimizerPlan:
        call = expr if isinstance(expr, ast.Call) else None
        name = call.function if call is not None else expr
        if isinstance(name, ast.Name) and name.id in OPTIMIZERS_LATER:
            raise DlspecError(NotYet(expr.span, f"the optimiser `{name.id}`"))
        if not isinstance(name, ast.Name) or name.id not in OPTIMIZERS:
            near = did_you_mean(name.id, OPTIMIZERS) if isinstance(name, ast.Name) else None
            raise DlspecError(
                BadValue(
                    expr.span,
                    "optimizer",
                    expr.span.text,
                    "`adam(0.001)` or `sgd(0.01, momentum = 0.9)`",
                    f"did you mean `{near}`?" if near else None,
                )
            )
        known = OPTIMIZERS[name.id]
        settings: dict[str, float | bool | Schedule] = {n: k.default for n, k in known.items()}
        order = list(settings)
        for position, argument in enumerate(call.arguments if call is not None else ()):
            key = argument.name or (order[position] if position < len(order) else "")
            if key not in settings:
                raise DlspecError(
                    UnknownSetting(
                        argument.span,
                        argument.name or argument.span.text,
                        name.id,
                        did_you_mean(key, order),
                        ", ".join(f"`{o}`" for o in order),
                    )
                )
            value: Any = self.value_of(argument.value)
            if isinstance(value, Schedule) and not isinstance(known[key].default, bool):
                settings[key] = self.schedule(value, argument.span, key, known[key])
                continue
            if not known[key].accepts(value):
                number = isinstance(known[key].default, bool) or is_number(value)
                expected = known[key].expected if number else "a number"
                raise DlspecError(BadValue(argument.span, key, describe(value), expected))
            settings[key] = value if isinstance(value, bool) else float(cast("float", value))
        if settings.get("nesterov") and not settings.get("momentum"):
            raise DlspecError(
                BadValue(
                    expr.span,
                    "nesterov",
                    "true without momentum",
                    "a momentum above 0",
                    "add `momentum = 0.9`",
                )
            )
        return OptimizerPlan(name.id, settings, expr.span)  # type: ignore[arg-type]

    def schedule(
        self, value: Schedule, span: Span, key: str, setting: OptimizerSetting
    ) -> Schedule:
        """A schedule of a setting whose arguments make sense: all its values fit the setting (it
        may begin or end at 0), and a factor is above 0."""
        numbers = [a for a in value.arguments if not isinstance(a, Quantity)]
        spans = [a for a in value.arguments if isinstance(a, Quantity)]
        form = SCHEDULES[value.kind]
        if len(numbers) not in form.numbers or len(spans) not in form.lengths:
            raise DlspecError(wrong_schedule(value, span))
        for quantity in spans:
            if quantity.unit not in ("epochs", "epoch", "steps", "step") or quantity.value <= 0:
                raise DlspecError(
                    BadValue(
                        span, value.kind, span.text, "a duration such as `10 epochs` or `500 steps`"
                    )
                )
        factor = numbers.pop(1) if form.by_factor else 1.0
        if factor <= 0:
            expected = f"a number above 0, as in `{form.example}`"
            raise DlspecError(BadValue(span, "factor", f"{factor:g}", expected))
        ends = replace(setting, above=False)
        for number in numbers:
            if not ends.accepts(number):
                raise DlspecError(BadValue(span, key, f"{number:g}", ends.expected))
        if not any(setting.accepts(n) for n in numbers):
            raise DlspecError(BadValue(span, key, f"{numbers[0]:g}", setting.expected))
        return value

    def numbers(self) -> dict[str, Any]:
        """Batch, epochs, stop, precision, seed: checked, for the plan."""
        found: dict[str, Any] = {}
        for key, (expr, _) in self.settings.written.items():
            try:
                if key in ("batch", "epochs", "steps", "seed", "buckets", "accumulate"):
                    value = self.value_of(expr)
                    if isinstance(value, Quantity) and value.unit.rstrip("s") == key.rstrip("s"):
                        value = int(value.value)
                    least = 0 if key == "seed" else 1
                    if not isinstance(value, int) or isinstance(value, bool) or value < least:
                        raise DlspecError(
                            BadValue(
                                expr.span, key, describe(value), f"a whole number from {least}"
                            )
                        )
                    found["max_steps" if key == "steps" else key] = value
                elif key == "precision":
                    found[key] = _precision(expr)
                elif key == "init":
                    found[key] = _init(expr)
                elif key == "stop":
                    found[key] = self.early(expr)
                elif key == "clip":
                    found[key] = self.clip(expr)
            except DlspecError as error:
                for diagnostic in error.diagnostics:
                    self.sink.report(diagnostic)
        if "epochs" not in found and "max_steps" not in found:
            found["epochs"] = 10
        return found

    def clip(self, expr: ast.Expr) -> ClipPlan:
        """`clip = norm(1)`, `clip = value(0.5)`."""
        name = expr.function if isinstance(expr, ast.Call) else None
        if isinstance(expr, ast.Call) and isinstance(name, ast.Name) and len(expr.arguments) == 1:
            limit = self.value_of(expr.arguments[0].value)
            if name.id in ("norm", "value") and is_number(limit) and limit > 0:
                return ClipPlan("norm" if name.id == "norm" else "value", float(limit), expr.span)
        raise DlspecError(
            BadValue(expr.span, "clip", expr.span.text, "`norm(1)` or `value(0.5)`, above 0")
        )

    def early(self, expr: ast.Expr) -> EarlyStop:
        """`early(patience = 5, watch = validation.loss)`."""
        wrong = BadValue(
            expr.span, "stop", expr.span.text, "`early(patience = 5, watch = validation.loss)`"
        )
        if (
            not isinstance(expr, ast.Call)
            or not isinstance(expr.function, ast.Name)
            or expr.function.id != "early"
        ):
            raise DlspecError(wrong)
        patience, watch = 5, "validation.loss"
        for position, argument in enumerate(expr.arguments):
            key = argument.name or ("patience", "watch", "")[min(position, 2)]
            if key == "patience":
                value = self.value_of(argument.value)
                if not isinstance(value, int) or value < 1:
                    raise DlspecError(
                        BadValue(
                            argument.span,
                            "patience",
                            describe(value),
                            "a whole number of epochs from 1",
                        )
                    )
                patience = value
            elif key == "watch":
                watch = argument.value.span.text
                names = [
                    "loss",
                    *(metric_name(e) for e in self.settings.several.get("metrics", ())),
                ]
                known = [f"validation.{n}" for n in names]
                if watch not in known:
                    near = did_you_mean(watch, known)
                    raise DlspecError(
                        BadValue(
                            argument.span,
                            "watch",
                            watch,
                            " or ".join(f"`{k}`" for k in known),
                            f"did you mean `{near}`?" if near else None,
                        )
                    )
            else:
                raise DlspecError(
                    UnknownSetting(
                        argument.span,
                        argument.name or "",
                        "early",
                        did_you_mean(key, ["patience", "watch"]),
                        "`patience`, `watch`",
                    )
                )
        return EarlyStop(patience, watch, "min" if falls(watch) else "max")


def _init(expr: ast.Expr) -> str:
    """`lsuv`: what the layers begin with whose start the networks leave open."""
    if not isinstance(expr, ast.Name) or expr.id != "lsuv":
        advice = "a start that needs no data is said at a layer: `dense(10, weight = orthogonal)`"
        raise DlspecError(BadValue(expr.span, "init", expr.span.text, "`lsuv`", advice))
    return expr.id


def _precision(expr: ast.Expr) -> str:
    name = expr.id if isinstance(expr, ast.Name) else expr.span.text
    known = {"float32": "float32", "float": "float32", "bfloat16": "bfloat16", "float16": "float16"}
    if name not in known:
        near = did_you_mean(name, known)
        raise DlspecError(
            BadValue(
                expr.span,
                "precision",
                name,
                "`float32`, `bfloat16` or `float16`",
                f"did you mean `{near}`?" if near else None,
            )
        )
    return known[name]
