"""The little of CUDA's driver that running a plan needs, through ctypes: no package beside the
driver itself."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dlspec.late import LateModule

if TYPE_CHECKING:
    from dlspec.diagnostics import bundle as faults
else:
    faults = LateModule("dlspec.diagnostics.bundle")


class CudaError(RuntimeError):
    """A call of the driver failed; the text names the call and the driver's code."""


class Driver:
    """The driver with the first device's primary context current, which the TensorRT libraries
    share."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        self._call("cuInit", 0)
        device = ctypes.c_int(0)
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        self.device = device
        self._context = ctypes.c_void_p()
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), device)
        self.enter()

    def enter(self) -> None:
        """Make the context current in this thread."""
        self._call("cuCtxSetCurrent", self._context)

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._lib, name)(*arguments)
        if code:
            raise CudaError(f"{name} failed (error {code})")

    def name(self) -> str:
        """The device's name and compute capability: `NVIDIA L4 sm_89`."""
        text = ctypes.create_string_buffer(128)
        self._call("cuDeviceGetName", text, len(text), self.device)
        major, minor = ctypes.c_int(0), ctypes.c_int(0)
        self._call("cuDeviceGetAttribute", ctypes.byref(major), 75, self.device)
        self._call("cuDeviceGetAttribute", ctypes.byref(minor), 76, self.device)
        return f"{text.value.decode()} sm_{major.value}{minor.value}"

    def version(self) -> int:
        """The CUDA version of the driver, 13000 for 13.0."""
        found = ctypes.c_int(0)
        self._call("cuDriverGetVersion", ctypes.byref(found))
        return found.value

    def allocate(self, size: int) -> int:
        """Device memory of ``size`` bytes (at least 1): its address."""
        address = ctypes.c_uint64(0)
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(size, 1)))
        return address.value

    def free(self, address: int) -> None:
        """Give device memory back."""
        self._call("cuMemFree_v2", ctypes.c_uint64(address))

    def upload(self, address: int, host: int, size: int, stream: int) -> None:
        """Copy from host memory, in the order of the stream."""
        self._call(
            "cuMemcpyHtoDAsync_v2",
            ctypes.c_uint64(address),
            ctypes.c_void_p(host),
            ctypes.c_size_t(size),
            ctypes.c_void_p(stream),
        )

    def download(self, host: int, address: int, size: int, stream: int) -> None:
        """Copy to host memory, in the order of the stream."""
        self._call(
            "cuMemcpyDtoHAsync_v2",
            ctypes.c_void_p(host),
            ctypes.c_uint64(address),
            ctypes.c_size_t(size),
            ctypes.c_void_p(stream),
        )

    def stream(self) -> int:
        """A new stream."""
        made = ctypes.c_void_p()
        self._call("cuStreamCreate", ctypes.byref(made), 1)  # does not wait for the default stream
        return int(made.value or 0)

    def wait(self, stream: int) -> None:
        """Wait until the stream is done."""
        self._call("cuStreamSynchronize", ctypes.c_void_p(stream))


@lru_cache(maxsize=1)
def driver() -> Driver:
    """The process's driver.

    Raises:
        DlspecError: DL647 where it does not start.
    """
    try:
        return Driver()
    except (OSError, CudaError) as error:
        raise faults.DlspecError(faults.EngineNotHere(None, "cuda", str(error))) from error


def device_name() -> str:
    """The first device's name and compute capability."""
    return driver().name()
