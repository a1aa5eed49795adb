"""The emitted PyTorch: golden files that a person would sign, and what names and precision must
do."""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from dlspec.diagnostics import Sink
from dlspec.ir.builder import GraphBuilder
from dlspec.ir.graph import Graph
from dlspec.ir.types import DType
from dlspec.ops.activation import Relu
from dlspec.ops.arithmetic import Add, Maximum, Mul, Pow, Sub
from dlspec.ops.embedding import Embed
from dlspec.ops.linear import Dense
from dlspec.sema.analyse import analyse
from dlspec.source import SourceFile
from dlspec.targets.torch_source import load_module, module_source
from tests.graphs.catalogue import CATALOGUE, gan_step

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "targets"


def of_spec(name: str) -> dict[str, tuple[str, Mapping[str, Graph]]]:
    path = ROOT / "specs" / f"{name}.dl"
    sink = Sink()
    spec = analyse(SourceFile(path.name, path.read_text()), sink, folder=path.parent)
    assert not sink.errors
    found: dict[str, tuple[str, Mapping[str, Graph]]] = {
        n: (n, {"forward": plan.graph}) for n, plan in spec.networks.items()
    }
    for recipe in spec.recipes.values():
        for step in recipe.steps:
            methods = {"learn": step.learn, "evaluate": step.evaluate}
            found[f"{name}_objective"] = (recipe.name, methods)
    return found


def emissions() -> dict[str, str]:
    cases = {
        **of_spec("tiny"),
        **of_spec("mlp"),
        **of_spec("lenet"),
        **{n: (n, {"forward": c.build()}) for n, c in CATALOGUE.items() if not n.startswith("gan")},
        "gan": ("gan", {"critic": gan_step("critic"), "artist": gan_step("artist")}),
    }
    return {case: module_source(name, methods) for case, (name, methods) in cases.items()}


def test_golden(request: pytest.FixtureRequest) -> None:
    made = emissions()
    if request.config.getoption("--update-golden"):
        for case, text in made.items():
            (GOLDEN / f"{case}.py.txt").write_text(text, encoding="utf-8")
    assert {p.name.removesuffix(".py.txt") for p in GOLDEN.glob("*.py.txt")} == set(made)
    for case, text in made.items():
        assert text == (GOLDEN / f"{case}.py.txt").read_text(encoding="utf-8"), case
        ast.parse(text)
        imports = {
            line.split()[1].split(".")[0] for line in text.splitlines() if "import " in line[:40]
        }
        assert imports == {"torch"}


def test_emission_does_not_depend_on_the_run() -> None:
    assert emissions() == emissions()


def loaded(graph: Graph, folder: Path, dtype: DType = DType.float32) -> torch.nn.Module:
    source = module_source(graph.name, {"forward": graph}, dtype=dtype)
    return load_module(source, folder / f"{graph.name}_{dtype}.py")()


@pytest.mark.parametrize(
    "path",
    ["forward", "y.forward", "train", "h.3.dense", "h.values", "h.3.type", "class", "self", "x y"],
)
def test_any_name_can_be_a_key(path: str, tmp_path: Path) -> None:
    b = GraphBuilder("net")
    x = b.input("x", "float", "N", 3)
    y = b.one(Dense(3), x, path=path)
    z = b.one(Dense(2), b.one(Relu(), y, path="z.relu"), path="other")
    # a bare parameter with a difficult name beside the layers
    bare = b.parameter(f"{path}2.values", "float", 2)
    graph = b.finish(z=b.one(Add(), z, bare, path="sum"))
    module = loaded(graph, tmp_path)
    assert sorted(module.state_dict()) == sorted(w.name for w in graph.weights)
    assert module(torch.ones(2, 3)).shape == (2, 2)
    module.double()
    assert module(torch.ones(2, 3).double()).dtype is torch.float64


def test_a_shared_layer_is_one_and_a_tied_weight_is_the_same(tmp_path: Path) -> None:
    b = GraphBuilder("tied")
    word = b.input("word", "int", "N")
    e = b.one(Embed(5, 3), word, path="table")
    table, bias = b.graph.parameters[0], None
    first = b.one(Dense(3), e, path="layer")
    shared = {p.name.split(".")[1]: p for p in b.graph.parameters if p.name.startswith("layer")}
    second = b.one(Dense(3), first, path="again", parameters=shared)
    scores = b.one(Dense(5), second, path="scores", parameters={"weight": table, "bias": bias})
    graph = b.finish(scores=scores)
    module = loaded(graph, tmp_path)
    assert sorted(module.state_dict()) == ["layer.bias", "layer.weight", "table.weight"]
    weights = {n: w.numpy() for n, w in module.state_dict().items()}
    found = module(torch.tensor([3])).detach().numpy()
    h = weights["table.weight"][[3]]
    for _ in range(2):
        h = h @ weights["layer.weight"].T + weights["layer.bias"]
    np.testing.assert_allclose(found, h @ weights["table.weight"].T, rtol=1e-5)


def test_precedence_literals_and_constants(tmp_path: Path) -> None:
    b = GraphBuilder("numbers")
    x = b.input("x", "float", "N", 2)
    tenth, two, minus = b.constant(0.1), b.constant(2.0), b.constant(-3.0)
    row = b.constant([1.0, -1.0])
    t = b.one(Sub(), x, b.one(Sub(), tenth, x, path="t.a"), path="t.b")
    t = b.one(Pow(), b.one(Mul(), t, minus, path="t.c"), two, path="t.d")
    graph = b.finish(y=b.one(Maximum(), b.one(Add(), t, row, path="t.e"), tenth, path="t.f"))
    source = module_source("numbers", {"forward": graph})
    assert "((x - (0.1 - x)) * -3) ** 2" in source
    given = np.array([[0.3, -0.4], [2.0, 1.0]])
    expected = np.maximum(
        ((given - (np.float32(0.1) - given)) * -3) ** 2 + [1, -1], np.float32(0.1)
    )
    module = loaded(graph, tmp_path, DType.float64)
    np.testing.assert_allclose(module(torch.from_numpy(given)).numpy(), expected, rtol=1e-15)
    assert not module.state_dict()


def test_a_name_is_used_again_only_when_it_is_free(tmp_path: Path) -> None:
    b = GraphBuilder("live")
    x = b.input("x", "float", "N", 2)
    doubled = b.one(Add(), x, x, path="x.twice")
    tripled = b.one(Add(), doubled, x, path="x.thrice")
    squared = b.one(Mul(), doubled, tripled, path="x.squared")
    graph = b.finish(y=b.one(Sub(), squared, x, path="x.end"))
    module = loaded(graph, tmp_path)
    assert module(torch.tensor([[1.0, 2.0]])).tolist() == [[5.0, 22.0]]


def test_the_loss_is_one_kernel() -> None:
    (text,) = [t for n, t in emissions().items() if n == "lenet_objective"]
    assert "return F.cross_entropy(logits, label)" in text
    assert "reduction" not in text


def test_tracebacks_point_into_the_file(tmp_path: Path) -> None:
    b = GraphBuilder("net")
    graph = b.finish(y=b.one(Dense(3), b.input("x", "float", "N", 3), path="layer"))
    path = tmp_path / "model.py"
    source = module_source("net", {"forward": graph})
    module = load_module(source, path)()
    changed = path.stat().st_mtime_ns
    load_module(source, path)
    assert path.stat().st_mtime_ns == changed, "an equal file is not written again"
    with pytest.raises(RuntimeError) as error:
        module(torch.ones(2, 4))
    frame = next(
        f for f in traceback.extract_tb(error.value.__traceback__) if f.filename == str(path)
    )
    assert "self.layer(x)" in linecache.getline(str(path), frame.lineno or 0)
