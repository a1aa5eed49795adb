"""What an engine can be tied to: this machine's processor, its GPU, and versions of libraries."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
from functools import lru_cache
from pathlib import Path

_CPU_KEYS = ("vendor_id", "model name", "flags", "Features", "CPU implementer", "CPU part")


@lru_cache(maxsize=1)
def processor() -> str:
    """The kind of processor: its architecture, name and instruction sets, as one short text."""
    facts: list[str] = []
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() in _CPU_KEYS:
                    facts.append(value.strip())
                if not line.strip():
                    break  # the first processor tells enough
    except OSError:
        facts.append(platform.processor())
    digest = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]
    return f"{sys.platform}-{platform.machine()}-{digest}"


def fingerprint(library: str, version: str) -> str:
    """What ties a file to this machine: processor, library and version."""
    return f"{processor()} {library} {version}"


def cuda_missing() -> str | None:
    """Why CUDA cannot be used here, or None where a driver and a device are there."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return f"there is no CUDA driver ({name})"
    if code := driver.cuInit(0):
        return f"the CUDA driver does not start (error {code})"
    count = ctypes.c_int(0)
    if driver.cuDeviceGetCount(ctypes.byref(count)) or count.value < 1:
        return "the CUDA driver sees no device"
    return None


def cache_folder() -> Path:
    """dlspec's folder for what can be made again: ``$XDG_CACHE_HOME/dlspec``, or the platform's own
    place."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "dlspec"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "dlspec"
    return Path.home() / ".cache" / "dlspec"
