"""What a target's builder takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from dlspec.ir.plan import EnginePlan, TargetPlan
from dlspec.runtime.engine import Engine

Model = Path | bytes
"""An ONNX model: a path (external data is read from beside it), or the bytes of a whole one. Its
precision is legalised already."""


@dataclass(frozen=True)
class BuiltEngine:
    """An engine as built.

    Attributes:
        file: the engine: an optimised ONNX model, or a plan.
        status: ``built`` where this machine can run it, so that it can be verified here; else
            ``awaits-device``.
        device: what the file is tied to (`EngineRecord.device`); empty where it is tied to nothing.
        about: what the builder says of it: layers, the nodes and places in the spec that each layer
            holds, real element types.
        options, versions: what it was built with.
        bounds: (least, most) of each dynamic dimension that was built for; empty for no limits.
        why: why it was built and not taken from the cache, or that it was taken.
    """

    target: str
    precision: str
    file: Path
    status: Literal["built", "awaits-device"]
    device: str = ""
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, "tuple[int, int]"])
    why: str = ""

    def describe(self) -> dict[str, Any]:
        """All of it as plain data, for the manifest and the report."""
        return {
            "target": self.target,
            "precision": self.precision,
            "status": self.status,
            "device": self.device,
            "about": dict(self.about),
            "options": dict(self.options),
            "versions": dict(self.versions),
            "bounds": dict(self.bounds),
            "why": self.why,
        }


class Builder(Protocol):
    """A target: builds engines from ONNX, and opens them."""

    kind: str

    def build(
        self, model: Model, plan: EnginePlan, target: TargetPlan, out_dir: Path
    ) -> BuiltEngine:
        """Build into ``out_dir``, which must exist.

        Raises:
            DlspecError: DL647 to DL659 where this cannot be built, with the node and the place in
                the spec where known.
        """
        ...

    def open(self, model: Model, built: BuiltEngine, plan: EnginePlan) -> Engine:
        """The engine as it is deployed, ready to run.

        Raises:
            DlspecError: DL647 where this machine cannot run it.
        """
        ...


def sources_of(model: Model) -> dict[str, str]:
    """The place in the spec of each named node of a model (its metadata `dl.src`; empty where it
    has none)."""
    import onnx

    if isinstance(model, bytes):
        proto = onnx.load_model_from_string(model)
    else:
        proto = onnx.load(str(model), load_external_data=False)
    return {
        node.name: next((p.value for p in node.metadata_props if p.key == "dl.src"), "")
        for node in proto.graph.node
        if node.name
    }
