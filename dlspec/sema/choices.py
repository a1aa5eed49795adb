"""Choices of parameters as tensors: `l2(net["*.weight"])`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dlspec.diagnostics import DlspecError, did_you_mean
from dlspec.diagnostics.meaning import ChoosesNothing
from dlspec.ir.graph import Parameter
from dlspec.sema.arguments import Arguments, Given
from dlspec.sema.values import Choice, Tensor
from dlspec.source import Span

if TYPE_CHECKING:
    from dlspec.sema.elaborate import Elaborator


def with_parameters(el: Elaborator, arguments: Arguments) -> Arguments:
    """The arguments with each choice as the list of the parameters that it means, of those that
    what stands before has made.

    Raises:
        DlspecError: if a choice means none.
    """
    if not any(isinstance(v, Choice) for v, _ in arguments.positional):
        return arguments
    given: list[Given] = []
    for value, span in arguments.positional:
        if isinstance(value, Choice):
            value = [Tensor(v) for v in _chosen(el, value, span)]
        given.append((value, span))
    return Arguments(arguments.piped, given, arguments.named)


def _chosen(el: Elaborator, choice: Choice, span: Span) -> list[Parameter]:
    known = {k: v for k, v in el.context.weights.items() if isinstance(v, Parameter)}
    start = f"{choice.prefix}."
    found = [
        value
        for key, value in known.items()
        if (key == choice.prefix and choice.pattern is None)
        or (key.startswith(start) and fnmatchcase(key[len(start) :], choice.pattern or "*"))
    ]
    if not found:
        listed = ", ".join(f"`{k}`" for k in [*known][:8]) + (", …" if len(known) > 8 else "")
        near = did_you_mean(choice.prefix, {k.rsplit(".", n)[0] for k in known for n in (1, 2)})
        raise DlspecError(ChoosesNothing(span, choice.text, listed or None, near))
    return found
