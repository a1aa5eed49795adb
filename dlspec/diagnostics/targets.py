"""What a target cannot express or compute (DL500 to DL549)."""

from __future__ import annotations

from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic
from dlspec.late import late_dataclass


@late_dataclass
class OutputNameTaken(Diagnostic):
    """An output has the name of an input or of a parameter, and ONNX has one space of names.

    Wrong:
        network n { input x: float[N, 2]; output x }

    Right:
        network n { input x: float[N, 2]; output y = x }
    """

    code: ClassVar[str] = "DL501"
    title: ClassVar[str] = "the output `{output}` is called as an input or a parameter"
    label: ClassVar[str] = "`{output}` names something else in the engine already"
    help: ClassVar[str] = "give the output another name"
    output: str


@late_dataclass
class UnsupportedPrecision(Diagnostic):
    """A precision into which a model cannot be converted.

    Wrong:
        engine e for n { targets = tensorrt_rtx(precision = int3) }

    Right:
        engine e for n { targets = tensorrt_rtx(precision = float16) }
    """

    code: ClassVar[str] = "DL502"
    title: ClassVar[str] = "a model cannot be converted to `{precision}`"
    label: ClassVar[str] = "there are {known}"
    precision: str
    known: str
