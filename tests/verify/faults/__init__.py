"""Faults that compilers, exporters, optimisers and engines have really had, each injected where it
would be made."""

from tests.verify.faults.engines import ENGINE_FAULTS
from tests.verify.faults.fault import Fault
from tests.verify.faults.meanings import MEANING_FAULTS
from tests.verify.faults.models import MODEL_FAULTS
from tests.verify.faults.onnx_lowering import ONNX_FAULTS
from tests.verify.faults.recurrence import RECURRENCE_FAULTS
from tests.verify.faults.rewriting import PASS_FAULTS
from tests.verify.faults.torch_lowering import TORCH_FAULTS

FAULTS: tuple[Fault, ...] = (
    *ONNX_FAULTS,
    *TORCH_FAULTS,
    *MEANING_FAULTS,
    *PASS_FAULTS,
    *MODEL_FAULTS,
    *ENGINE_FAULTS,
    *RECURRENCE_FAULTS,
)

__all__ = ["FAULTS", "Fault"]
