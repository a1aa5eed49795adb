"""ONNX Runtime on the CPU: the deployed engine is the session over the model that was optimised on
this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics.bundle import EngineBuildFailed, EngineUnreadable
from dlspec.engines.base import BuiltEngine, Model, sources_of
from dlspec.ir.plan import EnginePlan, TargetPlan
from dlspec.runtime.engine import Engine
from dlspec.runtime.host import fingerprint
from dlspec.runtime.ort import OrtEngine, library

SAVE_LIMIT = 64 * 2**20
"""Bytes of model and weights up to which the optimised model is saved; a larger one would double
the bundle, and is optimised at load."""


class OnnxRuntimeBuilder:
    """Saves the optimised model. It is tied to the processor and the library's version; elsewhere
    the plain model is loaded."""

    kind = "onnxruntime"

    def build(
        self, model: Model, plan: EnginePlan, target: TargetPlan, out_dir: Path
    ) -> BuiltEngine:
        """The optimised model as ``out_dir/model.onnx``; for a very large one the model itself."""
        version = library().__version__
        file = out_dir / "model.onnx"
        small = size_of(model) <= SAVE_LIMIT
        try:
            OrtEngine(model, name=f"{plan.name}/{self.kind}", save=file if small else None)
        except DlspecError as error:
            raise DlspecError(*(_told(d, model, target) for d in error.diagnostics)) from error
        if not small:
            if isinstance(model, bytes):
                file.write_bytes(model)
            else:
                file = model
        about: dict[str, Any] = {"library": "onnxruntime", "version": version}
        if target.precision != "float32":
            about["storage only"] = (
                f"the CPU kernels compute in float32; {target.precision} is how weights are stored"
            )
        return BuiltEngine(
            self.kind,
            target.precision,
            file,
            "built",
            device=fingerprint("onnxruntime", version) if small else "",
            about=about,
            options={"optimisation": "all", "saved": small},
            versions={"onnxruntime": version},
            bounds=dict(plan.bounds),
        )

    def open(self, model: Model, built: BuiltEngine, plan: EnginePlan) -> Engine:
        """The session as `dlspec.load` opens it on this machine."""
        return OrtEngine(
            built.file,
            name=f"{plan.name}/{self.kind}",
            optimised=bool(built.options["saved"]),
        )


_NO_KERNEL = re.compile(r"Could not find an implementation for (\w+)\(\d+\) node with name '(.*)'")


def _told(found: Diagnostic, model: Model, target: TargetPlan) -> Diagnostic:
    """Of a kernel that the library lacks, which node of the spec wants it."""
    lacks = _NO_KERNEL.search(found.reason) if isinstance(found, EngineUnreadable) else None
    if lacks is None:
        return found
    operator, node = lacks.groups()
    reason = f"it has no `{operator}` of the element types that it is given"
    return EngineBuildFailed(target.span, target.kind, reason, node, sources_of(model).get(node))


def size_of(model: Model) -> int:
    """Bytes of a model with its external data."""
    if isinstance(model, bytes):
        return len(model)
    total = model.stat().st_size
    weights = model.with_name("weights.safetensors")
    return total + (weights.stat().st_size if weights.exists() else 0)
