"""Run a TensorRT plan on this machine's GPU."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlspec.late import LateModule
from dlspec.runtime.cuda import CudaError, driver
from dlspec.runtime.host import cuda_missing

if TYPE_CHECKING:
    from dlspec.bundle.manifest import EngineRecord
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")

Array = NDArray[Any]


class TensorRTEngine:
    """A plan with one execution context and one stream; calls from several threads wait for each
    other.

    ``host`` is what a proof on this machine holds for: device, driver and library.

    Raises:
        DlspecError: DL647 where there is no GPU, DL649 no library, DL655 where the plan is not for
            this machine.
    """

    def __init__(
        self, file: Path, target: str, *, name: str, record: EngineRecord | None = None
    ) -> None:
        if reason := cuda_missing():
            fix = "load an engine for onnxruntime, or run on a machine with an NVIDIA GPU"
            raise faults.DlspecError(faults.EngineNotHere(None, name, reason, fix))
        try:
            trt: Any = import_module(target)
        except (ImportError, OSError) as error:
            install = (
                "pip install 'dlspec[rtx]'"
                if target == "tensorrt_rtx"
                else "pip install 'dlspec[tensorrt]'"
            )
            text = str(error).splitlines()[0]
            missing = faults.EngineLibraryMissing(None, target, target, text, install)
            raise faults.DlspecError(missing) from error
        self._trt = trt
        self._name = name
        self._lock = threading.Lock()
        self._cuda = driver()
        self._logger = trt.Logger(trt.Logger.ERROR)
        self._runtime = trt.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(file.read_bytes())
        self.host = f"{self._cuda.name()} driver {self._cuda.version()} {target} {trt.__version__}"
        if self._engine is None:
            built = ", ".join(f"{k} {v}" for k, v in record.versions.items()) if record else "?"
            reason = "TensorRT refuses it"
            raise faults.DlspecError(faults.PlanForeign(None, name, built, self.host, reason))
        self._context = self._engine.create_execution_context()
        self._stream = self._cuda.stream()
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        mode = self._engine.get_tensor_mode
        self.inputs: Sequence[str] = [n for n in names if mode(n) == trt.TensorIOMode.INPUT]
        self.outputs: Sequence[str] = [n for n in names if mode(n) == trt.TensorIOMode.OUTPUT]
        self._types = {n: np.dtype(trt.nptype(self._engine.get_tensor_dtype(n))) for n in names}
        self._buffers: dict[str, tuple[int, int]] = {}  # tensor -> address, size

    def answers(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs in order, as new arrays."""
        with self._lock:
            try:
                self._cuda.enter()
                return self._answers(feeds)
            except CudaError as error:
                raise faults.DlspecError(
                    faults.EngineRunFailed(None, self._name, str(error))
                ) from error

    def _answers(self, feeds: Mapping[str, Array]) -> list[Array]:
        context = self._context
        held: list[Array] = []  # what the stream reads must live until it is done
        for name in self.inputs:
            array = np.ascontiguousarray(feeds[name], self._types[name])
            held.append(array)
            if not context.set_input_shape(name, array.shape):
                raise self._failed(f"`{name}` has a shape outside the plan's profile")
            if self._engine.is_shape_inference_io(name):
                context.set_tensor_address(name, array.ctypes.data)
                continue
            address = self._buffer(name, array.nbytes)
            self._cuda.upload(address, array.ctypes.data, array.nbytes, self._stream)
            context.set_tensor_address(name, address)
        results: list[Array] = []
        for name in self.outputs:
            shape = tuple(context.get_tensor_shape(name))
            if any(size < 0 for size in shape):
                raise self._failed(f"the shape of `{name}` depends on values")
            result = np.empty(shape, self._types[name])
            context.set_tensor_address(name, self._buffer(name, result.nbytes))
            results.append(result)
        if not context.execute_async_v3(self._stream):
            raise self._failed("TensorRT did not start it")
        for name, result in zip(self.outputs, results, strict=True):
            self._cuda.download(
                result.ctypes.data, self._buffers[name][0], result.nbytes, self._stream
            )
        self._cuda.wait(self._stream)
        return results

    def _buffer(self, name: str, size: int) -> int:
        address, held = self._buffers.get(name, (0, -1))
        if held < size:
            if held >= 0:
                self._cuda.free(address)
            address = self._cuda.allocate(size)
            self._buffers[name] = (address, size)
        return address

    def _failed(self, reason: str) -> Exception:
        return faults.DlspecError(faults.EngineRunFailed(None, self._name, reason))

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name."""
        return dict(zip(self.outputs, self.answers(feeds), strict=True))

    def describe(self) -> dict[str, Any]:
        """Library, version, device."""
        return {
            "library": self._trt.__name__,
            "version": str(self._trt.__version__),
            "device": self._cuda.name(),
        }
