"""Real bundles, published by the real writer and answered by ONNX Runtime, and a running server."""

from __future__ import annotations

import asyncio
import socket
import threading
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlspec.bundle import BundleWriter, EngineRecord, InputSpec, Manifest, OutputSpec
from dlspec.runtime import Model, load
from dlspec.serve import InferenceApp, create_app
from tests.patience import PATIENCE
from tests.serve.text_models import built, spelling

DIGITS = tuple(str(d) for d in range(10))


def publish(
    root: Path,
    network: str,
    nodes: list[object],
    inputs: tuple[InputSpec, ...],
    outputs: tuple[OutputSpec, ...],
    constants: dict[str, np.ndarray],
    trained: bool = True,
) -> Path:
    def info(port: InputSpec | OutputSpec) -> object:
        dims = [int(d) if d.isdigit() else d for d in port.dims]
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
        return helper.make_tensor_value_info(port.name, kind, dims)

    graph = helper.make_graph(
        nodes,
        network,
        [info(i) for i in inputs],
        [info(o) for o in outputs],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    with BundleWriter(root, network) as bundle:
        bundle.add_bytes("model.onnx", model.SerializeToString())
        bundle.add_text("report.html", "<!doctype html><title>report</title>verified")
        bundle.publish(
            Manifest(
                network,
                "0.1.0",
                inputs=inputs,
                outputs=outputs,
                engines=(
                    EngineRecord(
                        "edge",
                        "onnxruntime",
                        "model.onnx",
                        status="verified",
                        outputs=tuple(o.name for o in outputs),
                    ),
                ),
                trained=trained,
                parameters=sum(v.size for v in constants.values()),
            )
        )
    return root / network


@pytest.fixture(scope="session")
def digits_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`image: uint8[N, 28, 28]` to scores, probabilities and the digit, by a linear layer whose
    answer is the tenth of the rows with the most ink, so that a test knows it."""
    weights = np.zeros((784, 10), np.float32)
    for row in range(28):
        weights[row * 28 : row * 28 + 28, min(row * 10 // 28, 9)] = 0.02
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        node("Div", ["pixels", "scale"], ["scaled"]),
        node("Flatten", ["scaled"], ["flat"]),
        node("MatMul", ["flat", "weights"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"]),
        node("ArgMax", ["logits"], ["digit"], axis=1, keepdims=0),
    ]
    return publish(
        tmp_path_factory.mktemp("build"),
        "rows",
        nodes,
        (InputSpec("image", "uint8", ("N", "28", "28"), ground="black"),),
        (
            OutputSpec("logits", "float32", ("N", "10")),
            OutputSpec("probabilities", "float32", ("N", "10")),
            OutputSpec("digit", "int64", ("N",), DIGITS),
        ),
        {"weights": weights, "scale": np.array(255, np.float32)},
    )


@pytest.fixture(scope="session")
def types_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every served element type, each answered by itself."""
    names = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
    names += ["float16", "float32", "float64"]
    return publish(
        tmp_path_factory.mktemp("build"),
        "types",
        [helper.make_node("Identity", [f"x_{n}"], [f"y_{n}"]) for n in names],
        tuple(InputSpec(f"x_{n}", n, ("N", "2")) for n in names),
        tuple(OutputSpec(f"y_{n}", n, ("N", "2")) for n in names),
        {},
    )


@pytest.fixture(scope="session")
def slow_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`x: float32[N, 512]` through a loop of products that takes about a second."""
    rng = np.random.default_rng(0)
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("MatMul", ["h", "w"], ["m"]),
            helper.make_node("Tanh", ["m"], ["t"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("h", TensorProto.FLOAT, ["N", 512]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("t", TensorProto.FLOAT, ["N", 512]),
        ],
    )
    return publish(
        tmp_path_factory.mktemp("build"),
        "slow",
        [helper.make_node("Loop", ["steps", "yes", "x"], ["y"], body=body)],
        (InputSpec("x", "float32", ("N", "512")),),
        (OutputSpec("y", "float32", ("N", "512")),),
        {
            "w": rng.normal(0, 0.05, (512, 512)).astype(np.float32),
            "steps": np.array(20_000, np.int64),
            "yes": np.array(True),
        },
        trained=False,
    )


@pytest.fixture(scope="session")
def models(digits_bundle: Path, types_bundle: Path, slow_bundle: Path) -> dict[str, Model]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {"rows": load(digits_bundle), "types": load(types_bundle), "slow": load(slow_bundle)}


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Models that take texts; the speller has learnt."""
    folder = tmp_path_factory.mktemp("texts")
    made = {name: built(name, folder) for name in ("tagger", "hasher", "hearer", "crowd")}
    made["speller"] = spelling(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: load(path) for name, path in made.items()}


@contextmanager
def running(app: InferenceApp) -> Generator[str]:
    """`127.0.0.1:port` of a server."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    with listening:
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True
        )
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def address(models: dict[str, Model]) -> Iterator[str]:
    """`127.0.0.1:port` of a server of all models, with a limit of 1 MiB."""
    with running(create_app(models, limit=2**20)) as address:
        yield address


@pytest.fixture(scope="session")
def text_address(texts: dict[str, Model]) -> Iterator[str]:
    """`127.0.0.1:port` of a server of the models that take texts."""
    with running(create_app(texts)) as address:
        yield address
