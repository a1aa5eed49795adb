"""The three routes by which a graph is computed, and when a result is the expected one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from dlspec.interpreter import run
from dlspec.ir.types import DType
from dlspec.ir.validate import validate
from dlspec.targets.onnx import onnx_from_graph
from dlspec.targets.torch_source import argument_name, load_module, module_source
from tests.external.importer import Imported, is_float

Array = NDArray[Any]
Results = dict[str, Array]


def by_reference(case: Imported) -> Results:
    """The meaning, in float64."""
    return run(case.graph, case.feeds, case.weights).outputs


def by_torch(case: Imported, dtype: DType, folder: Path) -> Results:
    """The emitted module."""
    source = module_source(case.graph.name, {"forward": case.graph}, dtype=dtype)
    module: Any = load_module(source, folder / f"case_{dtype}.py")()
    real = torch.float64 if dtype is DType.float64 else torch.float32
    module = module.to(real)
    module.load_state_dict({n: _tensor(a, real) for n, a in case.weights.items()})
    given = {argument_name(n): _tensor(a, real) for n, a in case.feeds.items()}
    with torch.no_grad():
        made = module(**given)
    made = made if isinstance(made, tuple) else (made,)
    return {o.name: m.numpy() for o, m in zip(case.graph.outputs, made, strict=True)}


def _tensor(array: Array, real: torch.dtype) -> torch.Tensor:
    made = torch.from_numpy(np.array(array))
    return made.to(real) if made.is_floating_point() else made


def by_engine(case: Imported) -> Results:
    """The emitted ONNX in ONNX Runtime."""
    model = onnx_from_graph(case.graph, case.weights)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    kinds = {v.name: v.type.dtype.value for v in case.graph.inputs}
    feeds = {n: a.astype(kinds[n]) for n, a in case.feeds.items()}
    made: list[Any] = list(session.run(None, feeds))
    return dict(zip([o.name for o in session.get_outputs()], made, strict=True))


def reproduces(
    case: Imported, expected: tuple[Array, ...], folder: Path, tolerance: float = 1e-5
) -> None:
    """Fail unless all three routes give what is expected."""
    validate(case.graph)
    routes = {
        "reference": by_reference(case),
        "PyTorch, float64": by_torch(case, DType.float64, folder),
        "PyTorch, float32": by_torch(case, DType.float32, folder),
        "ONNX Runtime": by_engine(case),
    }
    for route, results in routes.items():
        for made, wanted in zip(results.values(), expected, strict=True):
            _equal(route, made, wanted, tolerance)


def _equal(route: str, made: Array, wanted: Array, tolerance: float) -> None:
    """Equal whole numbers; floats to the precision that the expected ones were computed in."""
    assert made.shape == wanted.shape, route
    if not is_float(wanted):
        assert made.dtype == wanted.dtype, route
        np.testing.assert_array_equal(made, wanted, err_msg=route)
        return
    assert made.dtype.kind == "f", route
    tolerance = max(tolerance, NARROW.get(wanted.dtype.name, 0.0))
    numbers = wanted.astype(np.float64)
    scale = float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=0.0))
    np.testing.assert_allclose(
        made, numbers, rtol=tolerance, atol=tolerance * min(scale, 1.0) / 10, err_msg=route
    )


NARROW = {"float16": 2e-3, "bfloat16": 2e-2}
"""What is lost where the package computed in fewer digits."""
