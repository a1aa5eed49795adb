"""Builders of engines, one a target. How a built engine runs stands in `dlspec.runtime`."""

from __future__ import annotations

from dlspec.diagnostics.core import DlspecError
from dlspec.engines.base import Builder, BuiltEngine
from dlspec.source import Span

__all__ = ["TARGETS", "Builder", "BuiltEngine", "builder"]

TARGETS = ("onnxruntime", "cuda", "tensorrt_rtx", "tensorrt")
"""All targets, as a spec names them."""


def builder(kind: str, span: Span | None = None) -> Builder:
    """The builder of a target.

    Raises:
        DlspecError: DL654 where there is no such target.
    """
    if kind == "onnxruntime":
        from dlspec.engines.onnxruntime import OnnxRuntimeBuilder

        return OnnxRuntimeBuilder()
    if kind == "cuda":
        from dlspec.engines.cuda import CudaBuilder

        return CudaBuilder()
    if kind in ("tensorrt_rtx", "tensorrt"):
        from dlspec.engines.tensorrt import TensorRTBuilder

        return TensorRTBuilder(kind)
    from dlspec.diagnostics.bundle import TargetUnknown

    raise DlspecError(TargetUnknown(span, kind, ", ".join(TARGETS)))
