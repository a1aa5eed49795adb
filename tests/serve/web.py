"""httpx with the patience of tests; its own default gives up after five seconds."""

from __future__ import annotations

from typing import Any

import httpx

from tests.patience import PATIENCE


def request(method: str, url: str, **fields: Any) -> httpx.Response:
    return httpx.request(method, url, timeout=PATIENCE, **fields)


def get(url: str, **fields: Any) -> httpx.Response:
    return request("GET", url, **fields)


def post(url: str, **fields: Any) -> httpx.Response:
    return request("POST", url, **fields)


def client(address: str) -> httpx.Client:
    """A client that keeps its connections to a server."""
    return httpx.Client(base_url=f"http://{address}", timeout=PATIENCE)
