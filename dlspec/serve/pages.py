"""The pages for people: one a model, the files that they are made of, and the bundle's report."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dlspec import __version__
from dlspec.serve.http import JSON, Response
from dlspec.serve.served import ServedModel

_FOLDER = Path(__file__).with_name("page")
_KINDS = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_SAFE = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
        b"base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-cache"),
)
_FROM_BUNDLE = {"report.html": _KINDS[".html"], "manifest.json": JSON}


def index_page(models: Mapping[str, ServedModel]) -> Response:
    """The only model's page, or a list of all."""
    if len(models) == 1:
        return model_page(next(iter(models.values())))
    items = "".join(
        f'<li><a href="/models/{html.escape(name)}">{html.escape(name)}</a> '
        f"<small>{html.escape(served.version)}</small></li>"
        for name, served in models.items()
    )
    return _page("index.html", {"title": "models", "models": items})


def model_page(served: ServedModel) -> Response:
    """The page where one tries a model: its form and drawing field are made from its metadata."""
    # `<` is escaped, so that no name can end the script element that holds the text
    about = json.dumps(_about(served), ensure_ascii=False).replace("<", "\\u003c")
    return _page("model.html", {"title": html.escape(served.name), "about": about})


def model_file(served: ServedModel, name: str) -> Response | None:
    """A file of the bundle that people may read."""
    kind = _FROM_BUNDLE.get(name)
    path = served.model.path / name
    if kind is None or not path.is_file():
        return None
    # the report carries its own styles and scripts
    headers = ((b"x-content-type-options", b"nosniff"),)
    return Response(path.read_bytes(), kind, 200, headers)


@cache
def asset(name: str) -> Response | None:
    """A style, script or picture of the pages."""
    path = _FOLDER / name
    if path.suffix not in (".css", ".js", ".svg") or path.parent != _FOLDER or not path.is_file():
        return None
    return Response(path.read_bytes(), _KINDS[path.suffix], 200, _SAFE)


def _page(template: str, facts: Mapping[str, str]) -> Response:
    text = (_FOLDER / template).read_text("utf-8")
    for name, value in facts.items():
        text = text.replace("{{" + name + "}}", value)
    return Response(text.encode(), _KINDS[".html"], 200, _SAFE)


def _about(served: ServedModel) -> dict[str, Any]:
    manifest, record = served.model.manifest, served.model.record
    metadata = served.metadata()
    for port, spec in zip(metadata["inputs"], served.model.inputs, strict=True):
        port.update(dims=spec.dims, classes=spec.classes, origin=spec.origin)
    answered = {o.name: o for o in served.model.outputs}
    for port in metadata["outputs"]:
        spec = answered.get(port["name"])
        if spec is None:  # lengths of an input
            port.update(dims=["N"] * len(port["shape"]), classes=None, labels=None)
            continue
        port.update(dims=spec.dims, classes=spec.classes, labels=served.labels.get(spec.name))
    return {
        **metadata,
        "version": served.version,
        "created": manifest.created,
        "dlspec": __version__,
        "trained": manifest.trained,
        "training": dict(manifest.training),
        "parameters": manifest.parameters,
        "engine": {"name": record.label, "precision": record.precision, "status": record.status},
        "engines": [
            {"name": e.label, "precision": e.precision, "status": e.status}
            for e in manifest.engines
        ],
        "report": (served.model.path / "report.html").is_file(),
    }
