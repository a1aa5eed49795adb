"""ONNX Runtime's CUDA provider, strictly: every node on the GPU, or an error that says which is
not."""

from __future__ import annotations

from pathlib import Path

from dlspec.diagnostics.bundle import EngineNotHere
from dlspec.diagnostics.core import DlspecError
from dlspec.engines.base import BuiltEngine, Model
from dlspec.ir.plan import EnginePlan, TargetPlan
from dlspec.runtime.engine import Engine
from dlspec.runtime.host import cuda_missing, fingerprint
from dlspec.runtime.ort import CUDA, OrtEngine, library


class CudaBuilder:
    """Opens the model once to see where each node runs. The engine's file is the model."""

    kind = "cuda"

    def build(
        self, model: Model, plan: EnginePlan, target: TargetPlan, out_dir: Path
    ) -> BuiltEngine:
        """Check the placement on this machine's GPU.

        Raises:
            DlspecError: DL647 where CUDA is missing and the spec allows no fallback, DL657 where
                nodes would run elsewhere.
        """
        name = f"{plan.name}/{self.kind}"
        fallback = target.fallback == "cpu"
        reason = cuda_missing()
        if reason is not None and not fallback:
            fix = "build on a machine with an NVIDIA GPU, or write `cuda(fallback = cpu)`"
            raise DlspecError(EngineNotHere(target.span, name, reason, fix))
        engine = OrtEngine(model, name=name, provider=CUDA, fallback=fallback)
        version = library().__version__
        if isinstance(model, bytes):
            file = out_dir / "model.onnx"
            file.write_bytes(model)
        else:
            file = model
        device = f"{fingerprint('onnxruntime', version)} {engine.provider}"
        placed = (
            {p: len(names) for p, names in engine.placement().items()} if reason is None else {}
        )
        if engine.provider == CUDA:
            from dlspec.runtime.cuda import device_name

            device += f" {device_name()}"
        return BuiltEngine(
            self.kind,
            target.precision,
            file,
            "built",
            device=device,
            about={"provider": engine.provider, "nodes": placed, "no CUDA": reason},
            options={"fallback": target.fallback},
            versions={"onnxruntime": version},
            bounds=dict(plan.bounds),
        )

    def open(self, model: Model, built: BuiltEngine, plan: EnginePlan) -> Engine:
        """The session on the GPU (or, where the spec allows, the CPU)."""
        fallback = built.options["fallback"] == "cpu"
        return OrtEngine(
            built.file, name=f"{plan.name}/{self.kind}", provider=CUDA, fallback=fallback
        )
