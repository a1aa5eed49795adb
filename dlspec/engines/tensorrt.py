"""TensorRT, full and for RTX: a plan built ahead of time, with no GPU where the library allows
that.

Both libraries have one interface; precision lies in the ONNX model (TensorRT 11 knows no other
way). With no compute capability set, TensorRT for RTX builds a portable plan for Ampere and newer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from dlspec.diagnostics.bundle import (
    BoundMissing,
    EngineBuildFailed,
    EngineLibraryMissing,
    PrecisionNotBuilt,
    ProfileRefused,
)
from dlspec.diagnostics.core import DlspecError
from dlspec.engines.base import BuiltEngine, Model, sources_of
from dlspec.engines.cache import EngineCache, model_hash
from dlspec.engines.capture import native_output
from dlspec.engines.layers import Layer, described, parse_layers
from dlspec.ir.plan import EnginePlan, TargetPlan
from dlspec.runtime.engine import Engine
from dlspec.runtime.host import cuda_missing
from dlspec.runtime.sizes import dim_of

MODULES = {"tensorrt_rtx": "tensorrt_rtx", "tensorrt": "tensorrt"}
INSTALL = {
    "tensorrt_rtx": "pip install 'dlspec[rtx]'",
    "tensorrt": "pip install 'dlspec[tensorrt]' --extra-index-url https://pypi.nvidia.com",
}
_FLOATS = {"float32", "float16", "bfloat16"}


def module_of(kind: str) -> ModuleType:
    """The Python module of a TensorRT target, or DL649 with the command that installs it."""
    name = MODULES[kind]
    try:
        return import_module(name)
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[0]
        missing = EngineLibraryMissing(None, kind, name, reason, INSTALL[kind])
        raise DlspecError(missing) from error


class TensorRTBuilder:
    """Builds a plan with one optimisation profile from the bounds: least, geometric middle,
    most."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def build(
        self, model: Model, plan: EnginePlan, target: TargetPlan, out_dir: Path
    ) -> BuiltEngine:
        """The plan as ``out_dir/engine.plan``, from the cache where the same was built before.

        Raises:
            DlspecError: DL649 no library, DL650 refused node, DL651 missing bounds, DL652 refused
                bounds, DL653 other precision.
        """
        trt = module_of(self.kind)
        version = str(trt.__version__)
        bounds = {s: (int(lo), int(hi)) for s, (lo, hi) in sorted(plan.bounds.items())}
        gpu = cuda_missing() is None
        device = self._device(gpu)
        parts = {
            "model": model_hash(model),
            "options": json.dumps([target.precision, bounds]),
            "versions": f"{self.kind} {version}",
            "device": device,
        }
        cache = EngineCache(f"{plan.name}/{self.kind}/{target.precision}", parts)
        found = cache.get()
        if found is not None:
            data, about = found
            why = "taken from the cache"
            cache.touch()
        else:
            why = cache.why()
            data, about = self._built(trt, model, plan, target, bounds)
            cache.put(data, about)
        file = out_dir / "engine.plan"
        file.write_bytes(data)
        return BuiltEngine(
            self.kind,
            target.precision,
            file,
            "built" if gpu else "awaits-device",
            device=device,
            about=about,
            options={"portable": self.kind == "tensorrt_rtx", "profile": bounds},
            versions={MODULES[self.kind]: version},
            bounds=bounds,
            why=why,
        )

    def _device(self, gpu: bool) -> str:
        if self.kind == "tensorrt_rtx" or not gpu:
            return ""  # portable: what it runs on is seen when it is opened
        from dlspec.runtime.cuda import device_name

        return device_name()

    def open(self, model: Model, built: BuiltEngine, plan: EnginePlan) -> Engine:
        """The plan on this machine's GPU."""
        from dlspec.runtime.tensorrt import TensorRTEngine

        return TensorRTEngine(built.file, self.kind, name=f"{plan.name}/{self.kind}")

    def _built(
        self,
        trt: Any,
        model: Model,
        plan: EnginePlan,
        target: TargetPlan,
        bounds: Mapping[str, tuple[int, int]],
    ) -> tuple[bytes, dict[str, Any]]:
        nodes = sources_of(model)
        log = _log(trt)
        with native_output() as printed:
            made = trt.Builder(log)
            network = made.create_network(
                1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
            )
            parser = trt.OnnxParser(network, log)
            parsed = (
                parser.parse(model)
                if isinstance(model, bytes)
                else parser.parse_from_file(str(model))
            )
        if not parsed:
            raise DlspecError(
                *[
                    self._parse_error(parser.get_error(i), nodes, target)
                    for i in range(parser.num_errors)
                ]
            )
        config = made.create_builder_config()
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        self._add_profile(made, config, network, plan, target, bounds, log)
        with native_output() as printed:
            serialized = made.build_serialized_network(network, config)
        if serialized is None:
            said = [*log.errors, *(line for line in printed if "rror" in line)]
            raise DlspecError(self._build_error(said, nodes, target))
        layers = parse_layers(log.layers)
        self._check_precision(layers, target)
        about = {
            "library": MODULES[self.kind],
            "version": str(trt.__version__),
            "layers": described(layers, nodes),
            "warnings": log.warnings,
        }
        return bytes(serialized), about

    def _add_profile(
        self,
        made: Any,
        config: Any,
        network: Any,
        plan: EnginePlan,
        target: TargetPlan,
        bounds: Mapping[str, tuple[int, int]],
        log: Any,
    ) -> None:
        profile = made.create_optimization_profile()
        dynamic = False
        for i in range(network.num_inputs):
            tensor = network.get_input(i)
            ends: list[list[int]] = [[], [], []]
            for axis, size in enumerate(tuple(tensor.shape)):
                if size >= 0:
                    sizes = (size, size, size)
                else:
                    dynamic = True
                    sizes = self._sizes(tensor.get_dimension_name(axis), plan, target, bounds)
                for shape, value in zip(ends, sizes, strict=True):
                    shape.append(value)
            if any(size < 0 for size in tuple(tensor.shape)):
                profile.set_shape(tensor.name, *map(tuple, ends))
        if dynamic and config.add_optimization_profile(profile) < 0:
            text = ", ".join(f"{s} = {lo}..{hi}" for s, (lo, hi) in bounds.items())
            # without a driver the library also complains of that, which is not the reason
            said = [e for e in log.errors if "cudaError" not in e]
            reason = said[-1] if said else None
            raise DlspecError(ProfileRefused(plan.span or target.span, self.kind, text, reason))

    def _sizes(
        self, text: str, plan: EnginePlan, target: TargetPlan, bounds: Mapping[str, tuple[int, int]]
    ) -> tuple[int, int, int]:
        dim = dim_of(text)
        for symbol in sorted(dim.symbols):
            if symbol not in bounds:
                setting = "batch" if symbol == "N" else symbol
                raise DlspecError(
                    BoundMissing(plan.span or target.span, self.kind, symbol, setting)
                )
        least = dim.evaluate({s: lo for s, (lo, _) in bounds.items()})
        most = dim.evaluate({s: hi for s, (_, hi) in bounds.items()})
        return least, max(least, min(most, round((least * most) ** 0.5))), most

    def _parse_error(
        self, error: Any, nodes: Mapping[str, str], target: TargetPlan
    ) -> EngineBuildFailed:
        node = str(error.node_name()) or None
        operator = str(error.node_operator())
        reason = str(error.desc())
        if reason in ("", "false"):
            reason = f"it does not support {operator or 'this operation'}"
        return EngineBuildFailed(target.span, self.kind, reason, node, nodes.get(node or ""))

    def _build_error(
        self, said: list[str], nodes: Mapping[str, str], target: TargetPlan
    ) -> EngineBuildFailed:
        text = " ".join(said) or "it gave no reason"
        node = next((n for n in sorted(nodes, key=len, reverse=True) if n and n in text), None)
        reason = said[0] if said else text
        return EngineBuildFailed(target.span, self.kind, reason, node, nodes.get(node or ""))

    def _check_precision(self, layers: list[Layer], target: TargetPlan) -> None:
        """What was asked for must be what is computed: the floats of layers that hold nodes."""
        found = {t for layer in layers if layer.nodes for t in layer.types} & _FLOATS
        if found and target.precision not in found:
            types = " and ".join(sorted(found))
            raise DlspecError(PrecisionNotBuilt(target.span, self.kind, target.precision, types))


def _log(trt: Any) -> Any:
    """A logger that keeps errors, warnings and the list of layers, and prints nothing."""

    class Log(trt.ILogger):
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []
            self.warnings: list[str] = []
            self.layers = ""

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(message)
            elif severity == trt.ILogger.WARNING:
                self.warnings.append(message)
            elif message.startswith("Layers:"):
                self.layers = message

    return Log()
