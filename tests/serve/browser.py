"""A headless Chromium by its DevTools protocol: as much as a test of a page needs."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.patience import PATIENCE

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell")


def executable() -> str | None:
    """The first browser found on this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """An open page. Places are CSS pixels."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._connection.send(
            json.dumps({"id": self._number, "method": method, "params": parameters})
        )
        while True:
            message = json.loads(self._connection.recv(timeout=PATIENCE))
            if message.get("method") == "Runtime.exceptionThrown":
                self.problems.append(str(message["params"]["exceptionDetails"]))
            if message.get("method") == "Log.entryAdded":
                entry = message["params"]["entry"]
                if entry["level"] == "error":
                    self.problems.append(f"{entry['text']} {entry.get('url', '')}")
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, expression: str) -> Any:
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, expression: str, seconds: float = PATIENCE) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.value(expression):
                return value
            time.sleep(0.02)
        raise AssertionError(f"never true: {expression}; {self.problems}")

    def text(self, selector: str) -> str:
        return str(self.value(f"document.querySelector({selector!r}).innerText"))

    def box(self, selector: str) -> dict[str, float]:
        return json.loads(
            self.value(
                f"JSON.stringify(document.querySelector({selector!r}).getBoundingClientRect())"
            )
        )

    def draw(self, selector: str, strokes: list[list[tuple[float, float]]]) -> None:
        """Strokes by mouse, in parts of the element's box."""
        box = self.box(selector)

        def mouse(kind: str, x: float, y: float, held: int) -> None:
            place = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                button="left",
                buttons=held,
                clickCount=1,
                **place,
            )

        for stroke in strokes:
            mouse("mousePressed", *stroke[0], 1)
            for point in stroke[1:]:
                mouse("mouseMoved", *point, 1)
            mouse("mouseReleased", *stroke[-1], 0)

    def press(self, key: str, modifiers: int = 0) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=modifiers)

    def screenshot(self, path: Path) -> None:
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser(*options: str) -> Iterator[Page]:
    """A fresh browser with one empty page; ended afterwards."""
    program = executable()
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-dev-shm-usage",
                "--window-size=1060,900",
                "--remote-debugging-port=0",
                f"--user-data-dir={profile}",
                *options,
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        )
        try:
            address = _address(Path(profile) / "DevToolsActivePort", process)
            with connect(address, max_size=2**26, compression=None) as connection:
                yield Page(connection)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _address(file: Path, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, "the browser ended at once"
        lines = file.read_text().split() if file.exists() else []
        if len(lines) == 2:
            for target in httpx.get(f"http://127.0.0.1:{lines[0]}/json/list").json():
                if target["type"] == "page":
                    return str(target["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError("the browser did not start")
