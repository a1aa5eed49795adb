"""Serve bundles: load, bind, run, and finish what is in flight when told to stop."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType

from dlspec.diagnostics import serve as faults
from dlspec.diagnostics.core import DlspecError
from dlspec.runtime import Model, ProvedLessWarning, UntrainedWarning, load
from dlspec.serve.app import DEFAULT_LIMIT, create_app

GRACE_SECONDS = 30
"""How long requests in flight may still take after SIGTERM."""


def serve(
    paths: Sequence[str | os.PathLike[str]],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    engine: str | None = None,
    threads: int = 1,
    limit: int = DEFAULT_LIMIT,
    batch: int = 1,
    announce: Callable[[str, Sequence[Model]], None] | None = None,
) -> None:
    """Serve bundles by the Open Inference Protocol v2 until SIGTERM or SIGINT; requests in flight
    are finished.

    Args:
        paths: bundles, each served under its network's name.
        host, port: where; port 0 takes a free one.
        engine: as of `dlspec.load`.
        threads: threads inside an operation. Requests run beside one another already, and waiting
            threads of the engine would take the cores from them.
        limit: the largest body of a request in bytes.
        batch: the most examples of different requests that are computed together.
        announce: called with the URL once connections are taken.

    Raises:
        DlspecError: DL434 where the address cannot be had, DL436 without the extra `serve`, and
            what `dlspec.load` raises.
    """
    try:
        import uvicorn

        import_module("orjson")  # asked for here, so that its lack is told before a request
    except ImportError as error:
        missing = faults.ExtraMissing(None, error.name or "uvicorn", "serving", "serve")
        raise DlspecError(missing) from error
    listening = bind(host, port)
    with listening:
        models: dict[str, Model] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UntrainedWarning)  # announced by the caller
            warnings.simplefilter("ignore", ProvedLessWarning)
            for path in paths:
                model = load(path, engine=engine, threads=threads)
                if model.manifest.network in models:
                    raise DlspecError(
                        faults.ServeOption(
                            None,
                            "BUNDLE",
                            f"a second `{model.manifest.network}`",
                            "bundles of networks with different names",
                        )
                    )
                models[model.manifest.network] = model
        config = uvicorn.Config(
            create_app(models, limit=limit, batch=batch),
            log_level="warning",
            access_log=False,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        if announce is not None:
            announce(_url(host, listening), list(models.values()))
        with _quiet_signals():
            server.run(sockets=[listening])


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        DlspecError: DL434, saying why not, and how to have it.
    """
    address = f"{host}:{port}"
    if not 0 <= port <= 65535:
        fault = faults.AddressNotUsable(None, address, "no such port", "ports are 0 to 65535")
        raise DlspecError(fault)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason, fix = error.strerror or str(error), None
        if error.errno == errno.EADDRINUSE:
            reason = "another program listens there"
            fix = f"stop it, or take another port: `--port {port + 1}`, or `--port 0` for any"
        elif error.errno == errno.EACCES:
            fix = "ports below 1024 need rights: take a higher one with `--port`"
        elif isinstance(error, socket.gaierror):
            fix = "`--host 127.0.0.1` serves this machine only, `--host 0.0.0.0` all networks"
        raise DlspecError(faults.AddressNotUsable(None, address, reason, fix)) from error


def _url(host: str, listening: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"


@contextmanager
def _quiet_signals() -> Generator[None]:
    """uvicorn raises the signal that stopped it once more after it has stopped; having stopped
    cleanly is no failure, so that it meets a handler that does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def nothing(number: int, frame: FrameType | None) -> None:
        del number, frame

    before = {s: signal.signal(s, nothing) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
