"""The Open Inference Protocol v2 over HTTP, and a page for each model, as an ASGI application.

https://github.com/kserve/open-inference-protocol, with the extensions for binary tensors and for
classification of Triton Inference Server, so that its official clients work.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

from dlspec import __version__
from dlspec.diagnostics import serve as faults
from dlspec.diagnostics.core import DlspecError, did_you_mean
from dlspec.runtime import Model
from dlspec.serve.http import (
    BINARY,
    HEADER_LENGTH,
    JSON,
    ClientGone,
    Receive,
    Response,
    Scope,
    Send,
    error_response,
    read_body,
    send_response,
)
from dlspec.serve.pages import asset, index_page, model_file, model_page
from dlspec.serve.request import whole_header
from dlspec.serve.served import ServedModel

DEFAULT_LIMIT = 64 * 2**20
"""The largest request body in bytes."""

_LOG = logging.getLogger("dlspec.serve")
_KINDS = ("application/json", "application/octet-stream")
_FORM = "application/x-www-form-urlencoded"
"""What curl says of a body where nobody says what it is; it is read as JSON then."""
_PATHS = (
    "/",
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/{model}",
    "/v2/models/{model}/ready",
    "/v2/models/{model}/infer",
    "/v2/models/{model}/versions/{version}",
)


def create_app(
    models: Mapping[str, Model],
    *,
    limit: int = DEFAULT_LIMIT,
    threads: int | None = None,
    batch: int = 1,
) -> InferenceApp:
    """An ASGI application that answers for loaded models.

    Args:
        models: loaded models by the name that they are served under.
        limit: the largest body of a request in bytes; larger ones are answered with 413.
        threads: how many requests are computed at once; None is one a core, 2 or more.
        batch: how many examples of different requests are computed together at most (`batching`);
            1 computes every request by itself, and its answers are then the same to the last bit
            whatever else is asked.
    """
    return InferenceApp(models, limit, threads or max(2, os.cpu_count() or 2), batch)


class InferenceApp:
    """Routes requests. Short ones are computed on the event loop, others in threads, so that it
    lives."""

    def __init__(
        self, models: Mapping[str, Model], limit: int, threads: int, batch: int = 1
    ) -> None:
        self.models = {n: ServedModel(n, model, batch, threads) for n, model in models.items()}
        self._limit = limit
        # requests that are to be computed together wait in threads
        waiting = batch if any(m.batcher for m in self.models.values()) else 0
        self._threads = ThreadPoolExecutor(threads + waiting, "dlspec-serve")
        self._infer: dict[str, ServedModel] = {}
        for name, served in self.models.items():
            self._infer[f"/v2/models/{name}/infer"] = served
            self._infer[f"/v2/models/{name}/versions/{served.version}/infer"] = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or go through the application's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":  # a WebSocket: closing before it opens is answered with 403
            await send({"type": "websocket.close"})
            return
        method: str = scope["method"]
        path = "/" + scope["path"].strip("/")
        try:
            served = self._infer.get(path)
            if served is not None and method == "POST":
                response = await self._answer(served, scope, receive)
            else:
                response = self._get(path, method)
        except DlspecError as error:
            response = error_response(error)
        except ClientGone:
            return
        except Exception:  # noqa: BLE001 - a defect: logged, answered, and the server lives on
            reference = token_hex(4)
            _LOG.exception("request %s %s failed (%s)", method, scope["path"], reference)
            response = error_response(DlspecError(faults.ServerFault(None, reference)))
        await send_response(send, response, method)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._threads.shutdown(wait=True)
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, served: ServedModel, scope: Scope, receive: Receive) -> Response:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        kind = _check_content(headers)
        body = await read_body(receive, headers, self._limit)
        if kind == _FORM and not body.lstrip().startswith((b"{", b"[", b'"')) and b"=" in body:
            raise _wrong_kind(_FORM)
        length = headers.get(HEADER_LENGTH)
        json_length = None if length is None else whole_header(length)
        if served.is_quick(len(body)):
            answer, header_length = served.respond(body, json_length)
        else:
            loop = asyncio.get_running_loop()
            answer, header_length = await loop.run_in_executor(
                self._threads, served.respond, body, json_length
            )
        if header_length is None:
            return Response(answer)
        return Response(answer, BINARY, 200, ((HEADER_LENGTH, str(header_length).encode()),))

    def _get(self, path: str, method: str) -> Response:
        if path in self._infer:
            raise DlspecError(faults.WrongMethod(None, path, method, "POST"))
        route = self._route(path)
        if method not in ("GET", "HEAD"):
            raise DlspecError(faults.WrongMethod(None, path, method, "GET, HEAD"))
        return route()

    def _route(self, path: str) -> Callable[[], Response]:
        """What answers a path.

        Raises:
            DlspecError: DL428 for a model, DL429 for a path that is not there.
        """
        match path.strip("/").split("/"):
            case [""]:
                return lambda: index_page(self.models)
            case ["v2"]:
                return lambda: _json(
                    {
                        "name": "dlspec",
                        "version": __version__,
                        "extensions": ["binary_tensor_data", "classification"],
                    }
                )
            case ["v2", "health", "live"]:
                return lambda: _json({"live": True})
            case ["v2", "health", "ready"]:
                return lambda: _json({"ready": True})
            case ["v2", "models", name, *rest]:
                served = self._model(name)
                if len(rest) >= 2 and rest[0] == "versions":
                    self._check_version(served, rest[1])
                    rest = rest[2:]
                if not rest:
                    return lambda: _json(served.metadata())
                if rest == ["ready"]:
                    return lambda: _json({"name": name, "ready": True})
            case ["models", name]:
                served = self._model(name)
                return lambda: model_page(served)
            case ["models", name, file]:
                found = model_file(self._model(name), file)
                if found is not None:
                    return lambda: found
            case ["page", file]:
                found = asset(file)
                if found is not None:
                    return lambda: found
            case _:
                pass
        raise DlspecError(self._nowhere(path))

    def _model(self, name: str) -> ServedModel:
        served = self.models.get(name)
        if served is None:
            near = did_you_mean(name, self.models)
            raise DlspecError(faults.ModelNotServed(None, name[:80], ", ".join(self.models), near))
        return served

    def _check_version(self, served: ServedModel, version: str) -> None:
        if version != served.version:
            name = f"{served.name} version {version[:80]}"
            known = f"{served.name} version {served.version}"
            raise DlspecError(faults.ModelNotServed(None, name, known))

    def _nowhere(self, path: str) -> faults.NoSuchPath:
        one = next(iter(self.models), "model")
        near = did_you_mean(path, [p.replace("{model}", one) for p in _PATHS])
        return faults.NoSuchPath(None, path[:200], ", ".join(_PATHS), near)


def _wrong_kind(kind: str) -> DlspecError:
    return DlspecError(faults.WrongContent(None, "Content-Type", kind[:80], " or ".join(_KINDS)))


def _check_content(headers: Mapping[bytes, bytes]) -> str:
    """The content type of a body that can be read; empty where none is said."""
    written = headers.get(b"content-type", b"").decode("latin-1")
    kind = written.split(";")[0].strip().lower()
    if written and kind not in (*_KINDS, _FORM):
        raise _wrong_kind(written)
    coding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if coding.strip().lower() != "identity":
        raise DlspecError(
            faults.WrongContent(None, "Content-Encoding", coding[:80], "the body uncompressed")
        )
    return kind


def _json(value: object) -> Response:
    import orjson

    return Response(orjson.dumps(value), JSON)
