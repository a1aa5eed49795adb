"""A recipe carried out in seconds: a few steps, every engine built and verified, one request over
HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dlspec.data.dataset import Dataset, Splits
from dlspec.driver import open_spec
from dlspec.driver.build import BuildOptions, build_network, meaning_of
from dlspec.driver.training import open_splits, prove_steps
from dlspec.runtime import Model, load
from dlspec.serve import create_app
from dlspec.train import TrainOptions, TrainResult, train
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
Array = NDArray[Any]


@dataclass
class CarriedOut:
    """What came of it; ``test`` are the examples that were not learnt from."""

    result: TrainResult
    model: Model
    test: Dataset

    def losses(self) -> list[float]:
        """The training loss of each epoch."""
        return [row["train.loss"] for row in self.result.history if "train.loss" in row]

    def served(self, **feeds: Array) -> dict[str, Any]:
        """The outputs that the server answers by name."""
        return asyncio.run(_asked(self.model, feeds))


def carried_out(
    name: str,
    recipe_name: str,
    folder: Path,
    *,
    settings: Mapping[str, str],
    examples: int,
    epochs: int,
) -> CarriedOut:
    """Proves a training step, trains a recipe of a spec on its first examples, builds its bundle
    (verified by golden inputs) and loads it."""
    compilation = open_spec(ROOT / "specs" / f"{name}.dl", settings)
    recipe = replace(compilation.recipe(recipe_name), epochs=epochs)
    splits = _few(open_splits(compilation, recipe), examples)

    options = TrainOptions(
        run_dir=folder / "run", epochs=epochs, threads=1, matmul="highest", quiet=True
    )
    prove_steps(recipe, options)
    result = train(recipe, splits, options)
    ((prefix, plan),) = recipe.networks.items()
    network = compilation.networks[plan.name]
    built = build_network(
        network,
        result.weights[prefix],
        compilation.source,
        BuildOptions(folder / "build", use_torch=False, fast=True),
        training={"graph": meaning_of(network.graph)},
        words=splits.vocabularies,
    )
    assert {e.record.status for e in built.engines} <= {"verified", "awaits-device"}
    with pytest.warns(UserWarning, match="proved less"):
        model = load(built.folder)
    assert splits.test is not None
    return CarriedOut(result, model, splits.test)


def _few(splits: Splits, examples: int) -> Splits:
    def part(data: Dataset | None, count: int) -> Dataset | None:
        return None if data is None else data.subset(np.arange(min(count, len(data))))

    train = part(splits.train, examples)
    assert train is not None
    validation, test = part(splits.validation, examples // 8), part(splits.test, examples // 8)
    return Splits(train, validation, test, splits.vocabularies)


async def _asked(model: Model, feeds: Mapping[str, Array]) -> dict[str, Any]:
    import httpx

    inputs = [
        {
            "name": n,
            "shape": list(a.shape),
            "datatype": a.dtype.name.upper().replace("FLOAT", "FP"),
            "data": a.ravel().tolist(),
        }
        for n, a in feeds.items()
    ]
    transport = httpx.ASGITransport(app=create_app({"asked": model}))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://local", timeout=PATIENCE
    ) as client:
        response = await client.post(
            "/v2/models/asked/infer", content=json.dumps({"inputs": inputs})
        )
    assert response.status_code == 200, response.text
    return {o["name"]: o["data"] for o in response.json()["outputs"]}
