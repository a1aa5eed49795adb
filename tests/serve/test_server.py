"""The server as a process and under load: answers never mixed up, a clean end, clear refusals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from dlspec.diagnostics.core import DlspecError
from dlspec.runtime import UntrainedWarning, load
from dlspec.serve import create_app
from dlspec.serve.server import bind
from tests.patience import PATIENCE
from tests.serve import web
from tests.serve.conftest import running

ROOT = Path(__file__).resolve().parents[2]


def test_answers_are_never_mixed_up(address: str) -> None:
    """Several clients, sizes and encodings at once, each with its own right answer."""
    rng = np.random.default_rng(5)
    wrong: list[str] = []

    def ask(seed: int) -> None:
        own = np.random.default_rng(seed)
        with web.client(address) as client:
            for number in range(40):
                rows = own.integers(0, 28, int(own.integers(1, 12)))
                image = np.zeros((len(rows), 28, 28), np.uint8)
                image[np.arange(len(rows)), rows] = 255
                body = {
                    "id": f"{seed}-{number}",
                    "inputs": [
                        {
                            "name": "image",
                            "shape": list(image.shape),
                            "datatype": "UINT8",
                            "data": image.ravel().tolist(),
                        }
                    ],
                    "outputs": [{"name": "digit"}],
                }
                answer = client.post("/v2/models/rows/infer", json=body).json()
                expected = [min(int(r) * 10 // 28, 9) for r in rows]
                if answer.get("id") != body["id"] or answer["outputs"][0]["data"] != expected:
                    wrong.append(str(answer)[:300])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, rng.integers(0, 2**31, 6).tolist()))
    assert wrong == []


SLOW = "/v2/models/slow/infer"


def long_body(rows: int = 1) -> dict[str, object]:
    data = [0.5] * (512 * rows)
    return {"inputs": [{"name": "x", "shape": [rows, 512], "datatype": "FP32", "data": data}]}


def test_the_loop_lives_while_numbers_are_computed(
    slow_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is at work from `begun` until `door` opens, however fast the machine is."""
    with pytest.warns(UntrainedWarning):
        model = load(slow_bundle)
    begun, door, compute = threading.Event(), threading.Event(), model.engine.answers

    def held(bound: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        begun.set()
        assert door.wait(PATIENCE)
        return compute(bound)

    monkeypatch.setattr(model.engine, "answers", held)
    with (
        running(create_app({"slow": model})) as address,
        ThreadPoolExecutor(1) as pool,
        web.client(address) as client,
    ):
        answer = pool.submit(web.post, f"http://{address}{SLOW}", json=long_body())
        try:
            assert begun.wait(PATIENCE)
            for _ in range(20):
                assert client.get("/v2/health/live").json() == {"live": True}
            assert not answer.done()
        finally:
            door.set()
        assert answer.result().status_code == 200


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A `dlspec serve` on a free port, and its URL."""
    server = subprocess.Popen(
        [sys.executable, "-m", "dlspec.cli.main", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert server.stdout is not None
        shown = ""
        while "try it" not in shown:
            shown = server.stdout.readline()
            assert shown, server.communicate()[1]
        url = shown.split()[-1].rstrip("/")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                web.get(f"{url}/v2/health/ready")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield server, url
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def test_requests_in_flight_are_finished_at_sigterm(slow_bundle: Path) -> None:
    """The server has taken the request up, since it asks for its body, before the signal comes."""
    body = json.dumps(long_body(2)).encode()
    with process(str(slow_bundle)) as (server, url):
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)
        with closing(connection):
            connection.putrequest("POST", SLOW)
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Expect", "100-continue")
            connection.endheaders()
            assert connection.sock.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.send(body)
            server.send_signal(signal.SIGTERM)
            answer = connection.getresponse()
            assert answer.status == 200
            assert len(json.load(answer)["outputs"][0]["data"]) == 1024
        assert server.wait(PATIENCE) == 0
        assert server.stderr is not None
        assert "Traceback" not in server.stderr.read()


def test_port_in_use() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DlspecError, match="another program listens there") as caught:
            bind("127.0.0.1", port)
        assert f"--port {port + 1}" in str(caught.value)


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 1), ("127.0.0.1", 99999)])
def test_addresses_that_are_none(host: str, port: int) -> None:
    with pytest.raises(DlspecError, match="DL434"):
        bind(host, port)
