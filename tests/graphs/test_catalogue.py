"""Every graph of the catalogue means the same to NumPy, PyTorch (float64, float32) and ONNX
Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from dlspec.interpreter import run
from dlspec.ir.graph import Graph
from dlspec.ir.printer import graph_text
from dlspec.ir.types import DType
from dlspec.ir.validate import validate
from dlspec.passes import optimized
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import argument_name, load_module, module_source
from tests.graphs.catalogue import CATALOGUE, draw_inputs, draw_weights, gan_step

Arrays = dict[str, Any]


@pytest.mark.parametrize("name", CATALOGUE)
def test_prints_and_validates(name: str) -> None:
    graph = CATALOGUE[name].build()
    validate(graph)
    validate(optimized(graph))
    text = graph_text(graph)
    assert all(value.name in text for value in graph.values())


def numpy_run(graph: Graph, inputs: Arrays, weights: Arrays) -> Arrays:
    result = run(graph, inputs, weights)
    return {**result.outputs, **{f"{name}.next": value for name, value in result.updates.items()}}


def torch_run(graph: Graph, inputs: Arrays, weights: Arrays, dtype: DType, folder: Path) -> Arrays:
    source = module_source(graph.name, {"forward": graph}, dtype=dtype)
    module = load_module(source, folder / f"{graph.name}_{dtype}.py")()
    assert sorted(module.state_dict()) == sorted(weights)
    module.load_state_dict({n: torch.from_numpy(w) for n, w in weights.items()})
    real = torch.float64 if dtype is DType.float64 else torch.float32
    given = {n: torch.from_numpy(a) for n, a in inputs.items()}
    given = {argument_name(n): a.to(real) if a.is_floating_point() else a for n, a in given.items()}
    with torch.no_grad():
        made = module(**given)
    made = made if isinstance(made, tuple) else (made,)
    results = {o.name: v.numpy() for o, v in zip(graph.outputs, made, strict=True)}
    state = module.state_dict()
    return {**results, **{f"{b.name}.next": state[b.name].numpy() for b, _ in graph.updates}}


def onnx_run(graph: Graph, inputs: Arrays, weights: Arrays) -> Arrays:
    model = onnx_from_graph(graph, weights, expose="all")
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


@pytest.mark.parametrize("name", CATALOGUE)
def test_all_agree(name: str, tmp_path: Path) -> None:
    case = CATALOGUE[name]
    graph = case.build()
    weights = draw_weights(graph)
    for seed, sizes in enumerate(case.sizes):
        inputs = draw_inputs(graph, case, sizes, seed)
        expected = numpy_run(graph, inputs, weights)
        exact = torch_run(graph, inputs, weights, DType.float64, tmp_path)
        single = torch_run(graph, inputs, weights, DType.float32, tmp_path)
        engine = onnx_run(graph, inputs, weights)
        for output, value in expected.items():
            np.testing.assert_allclose(exact[output], value, rtol=1e-12, atol=1e-12, err_msg=output)
            np.testing.assert_allclose(single[output], value, rtol=2e-5, atol=2e-5, err_msg=output)
            np.testing.assert_allclose(engine[output], value, rtol=2e-5, atol=2e-5, err_msg=output)
        for output in graph.outputs:
            declared = output.value.type
            assert engine[output.name].dtype == declared.dtype.value
            assert single[output.name].dtype == declared.dtype.value
            assert engine[output.name].shape == tuple(d.evaluate(sizes) for d in declared.shape)


def test_padding_and_rows_do_not_matter_to_each_other() -> None:
    case = CATALOGUE["ragged_scan"]
    graph = case.build()
    weights = draw_weights(graph)
    inputs = draw_inputs(graph, case, {"N": 3, "T": 5})
    inputs["T_lengths"] = np.array([5, 2, 3], np.int32)
    both = run(graph, inputs, weights).outputs["both"]
    alone = {n: a[1:2, :2] if n in ("x", "shake") else a[1:2] for n, a in inputs.items()}
    np.testing.assert_allclose(run(graph, alone, weights).outputs["both"], both[1:2, :2])
    assert (both[1, 2:] == 0).all()
    inputs["x"][1, 2:] = 1e6
    np.testing.assert_array_equal(run(graph, inputs, weights).outputs["both"], both)
    np.testing.assert_allclose(onnx_run(graph, inputs, weights)["both"], both, atol=2e-5)


def test_generation_ends_at_stop_and_is_reproducible() -> None:
    case = CATALOGUE["generate_sample"]
    graph = case.build()
    weights = draw_weights(graph)
    inputs = draw_inputs(graph, case, {"N": 40})
    result = run(graph, inputs, weights).outputs
    words, lengths = result["word"], result["L_lengths"]
    assert len(set(lengths.tolist())) > 2, "the draw shows nothing"
    for row, length in zip(words, lengths, strict=True):
        assert not (row[:length] == 2).any()
        assert not row[length:].any()
    np.testing.assert_array_equal(onnx_run(graph, inputs, weights)["word"], words)


@pytest.mark.parametrize(("player", "own"), [("critic", "discriminator"), ("artist", "generator")])
def test_a_player_can_learn_alone(player: str, own: str, tmp_path: Path) -> None:
    """Both steps reach both players' parameters; the optimiser's choice decides who moves."""
    critic, artist = gan_step("critic"), gan_step("artist")
    source = module_source("gan", {"critic": critic, "artist": artist})
    module = load_module(source, tmp_path / "gan.py")()
    assert (
        {p.name for p in critic.parameters}
        == {p.name for p in artist.parameters}
        == set(module.state_dict())
    )
    e, image = torch.randn(4, 3), torch.randn(4, 4)
    mine = {n: p for n, p in module.named_parameters() if n.startswith(f"{own}.")}
    loss = module.critic(image, e=e) if player == "critic" else module.artist(e=e)
    before = {n: p.detach().clone() for n, p in module.named_parameters()}
    gradients = torch.autograd.grad(loss, list(mine.values()))
    with torch.no_grad():
        for parameter, gradient in zip(mine.values(), gradients, strict=True):
            parameter -= 0.1 * gradient
    changed = {n for n, p in module.named_parameters() if not torch.equal(p, before[n])}
    assert changed == set(mine)
    after = module.critic(image, e=e) if player == "critic" else module.artist(e=e)
    assert after < loss
