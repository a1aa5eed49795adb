"""The little of HTTP over ASGI that the server needs: a request's body, an answer, an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from dlspec.diagnostics import serve as faults
from dlspec.diagnostics.core import Diagnostic, DlspecError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
BINARY = b"application/octet-stream"
HEADER_LENGTH = b"inference-header-content-length"


@dataclass(frozen=True)
class Response:
    """An answer that is sent whole."""

    body: bytes
    kind: bytes = JSON
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


class ClientGone(Exception):
    """The client closed the connection before its request was whole: there is nobody to answer."""


async def send_response(send: Send, response: Response, method: str) -> None:
    """Send an answer; one to HEAD without its body."""
    headers = [
        (b"content-type", response.kind),
        (b"content-length", str(len(response.body)).encode()),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """The whole body of a request.

    Raises:
        DlspecError: DL431 as soon as it is known to be larger than ``limit`` bytes.
        ClientGone: if it broke off.
    """
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise DlspecError(faults.BodyTooLarge(None, declared.decode(), limit))
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        return body
    chunks, size = [body], len(body)
    while size <= limit and message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > limit:
        raise DlspecError(faults.BodyTooLarge(None, f"more than {limit}", limit))
    return b"".join(chunks)


def error_response(error: DlspecError) -> Response:
    """The protocol's error object, with the status that the diagnostic has.

    Faults of the engine are the server's (500), all others of what was sent are the client's (400).
    """
    import orjson

    first = error.diagnostics[0]
    status = getattr(first, "status", 500 if first.code == "DL658" else 400)
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(first, faults.WrongMethod):
        headers.append((b"allow", first.allowed.encode()))
    if isinstance(first, faults.BodyTooLarge):
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    text = "; ".join(_sentence(d) for d in error.diagnostics)
    return Response(orjson.dumps({"error": text}), JSON, status, tuple(headers))


def _sentence(diagnostic: Diagnostic) -> str:
    parts = [diagnostic.message, *diagnostic.notes, *diagnostic.helps]
    return f"{diagnostic.code}: " + "; ".join(parts)
