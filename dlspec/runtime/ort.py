"""ONNX Runtime sessions, on the CPU or strictly on a GPU."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import NDArray

from dlspec.late import LateModule
from dlspec.runtime.host import cuda_missing

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

if TYPE_CHECKING:
    import onnxruntime

Array = NDArray[Any]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
INSTALL = "pip install onnxruntime-gpu  (or onnxruntime where there is no GPU)"


def library() -> Any:
    """The module `onnxruntime`, or DL649."""
    try:
        import onnxruntime
    except ImportError as error:
        missing = faults.EngineLibraryMissing(
            None, "onnxruntime", "onnxruntime", str(error), INSTALL
        )
        raise faults.DlspecError(missing) from error
    return onnxruntime


class OrtEngine:
    """A session over an ONNX model.

    Args:
        model: a path (external data is read from beside it) or the model's bytes.
        name: the engine's name for messages.
        provider: where all nodes must run.
        threads: threads inside an operation; None lets ONNX Runtime take one a core.
        optimised: the model is already optimised for this machine, and is taken as it stands.
        save: write the optimised model here while loading.
        fallback: let ONNX Runtime put nodes on the CPU, or fall back to it altogether, as the spec
            allows.

    Raises:
        DlspecError: DL647 where the provider is not there, DL657 where nodes would run elsewhere,
            DL659 for an unreadable model.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes,
        *,
        name: str = "onnxruntime",
        provider: str = CPU,
        threads: int | None = None,
        optimised: bool = False,
        save: Path | None = None,
        fallback: bool = False,
    ) -> None:
        ort = library()
        if provider == CUDA and (reason := cuda_missing()):
            if not fallback:
                fix = "install NVIDIA's driver, or load an engine for onnxruntime"
                raise faults.DlspecError(faults.EngineNotHere(None, name, reason, fix))
            provider = CPU
        options = ort.SessionOptions()
        options.log_severity_level = 4  # its errors come as exceptions, and are told once
        level = ort.GraphOptimizationLevel
        options.graph_optimization_level = (
            level.ORT_DISABLE_ALL if optimised else level.ORT_ENABLE_ALL
        )
        if threads is not None:
            options.intra_op_num_threads = threads
        if save is not None:
            options.optimized_model_filepath = os.fspath(save)
        if provider != CPU:
            options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
            if not fallback:
                options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        source = model if isinstance(model, bytes) else os.fspath(model)
        with _library_errors(name, "bytes" if isinstance(model, bytes) else str(source), provider):
            self._session = ort.InferenceSession(source, options, providers=[provider])
        self._name = name
        self._threads = threads
        self._optimised = optimised
        self.provider = provider
        self.outputs: Sequence[str] = [o.name for o in self._session.get_outputs()]
        self.inputs: Sequence[str] = [i.name for i in self._session.get_inputs()]
        self._run = self._session.run
        if provider != CPU and not fallback:
            self._check_placement(provider)

    def _check_placement(self, provider: str) -> None:
        """Look where ONNX Runtime really put things; what it lists as available says nothing."""
        got = self._session.get_providers()
        if got[0] != provider:
            raise faults.DlspecError(
                faults.NotInPlace(None, self._name, provider, f"it took {got[0]}")
            )
        elsewhere = [
            n for place, names in self.placement().items() if place != provider for n in names
        ]
        if elsewhere:
            reason = f"{len(elsewhere)} nodes run elsewhere, the first is `{elsewhere[0]}`"
            raise faults.DlspecError(faults.NotInPlace(None, self._name, provider, reason))

    def placement(self) -> dict[str, list[str]]:
        """The names of the nodes on each provider; recorded for other providers than the CPU's."""
        found: dict[str, list[str]] = {}
        for part in self._session.get_provider_graph_assignment_info():
            names = found.setdefault(part.ep_name, [])
            names.extend(node.name for node in part.get_nodes())
        return found

    @property
    def session(self) -> onnxruntime.InferenceSession:
        """The session itself."""
        return self._session

    def answers(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs in order."""
        try:
            return cast("list[Array]", self._run(self.outputs, feeds))
        except _errors() as error:
            failed = faults.EngineRunFailed(None, self._name, _first_line(error))
            raise faults.DlspecError(failed) from error

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name."""
        return dict(zip(self.outputs, self.answers(feeds), strict=True))

    def describe(self) -> dict[str, Any]:
        """Library, version, provider, threads."""
        ort = library()
        return {
            "library": "onnxruntime",
            "version": ort.__version__,
            "provider": self.provider,
            "threads": self._threads if self._threads is not None else "one a core",
            "optimisation": "saved" if self._optimised else "all",
        }


@lru_cache(maxsize=1)
def _errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises: its own classes share no base of their own."""
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    own = [v for v in vars(state).values() if isinstance(v, type) and issubclass(v, Exception)]
    return (*own, RuntimeError, ValueError)


@contextmanager
def _library_errors(name: str, file: str, provider: str) -> Generator[None]:
    try:
        yield
    except _errors() as error:
        text = _first_line(error)
        if "fallback to CPU EP has been explicitly disabled" in text:
            reason = "it has nodes that this provider does not compute"
            raise faults.DlspecError(faults.NotInPlace(None, name, provider, reason)) from error
        raise faults.DlspecError(faults.EngineUnreadable(None, name, file, text)) from error


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    line = text[0] if text else type(error).__name__
    return line.removeprefix("[ONNXRuntimeError] : ")
