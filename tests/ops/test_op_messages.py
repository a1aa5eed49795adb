"""Types and settings that do not fit are told, with the way out."""

from __future__ import annotations

from typing import Any

import pytest

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.ir.types import TensorType
from dlspec.ops import REGISTRY


def t(dtype: str, *dims: Any, ragged: tuple[int, ...] = ()) -> TensorType:
    """A type."""
    return TensorType.of(dtype, *dims, ragged=ragged)


def told(name: str, settings: dict[str, Any], *inputs: TensorType) -> Diagnostic:
    """The diagnostic of an op that is constructed, gives its parameters and infers."""
    with pytest.raises(DlspecError) as caught:
        op = REGISTRY[name](**settings)
        parameters = op.parameter_types(*inputs)
        op.infer(*inputs, *parameters.values())
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.span is None
    assert diagnostic.message and diagnostic.label_text
    return diagnostic


IMAGE = t("float", "N", 2, 8, 8)


@pytest.mark.parametrize(
    ("name", "settings", "inputs", "code", "help_"),
    [
        ("conv", {"channels": 4, "kernel": 3}, [t("float", "N", 28)], "DL301", "reshape(1, 28)"),
        ("conv", {"channels": 4, "kernel": 3}, [t("uint8", "N", 1, 8, 8)], "DL303", "image / 255"),
        ("conv", {"channels": 4, "kernel": 9}, [IMAGE], "DL306", "`pad = 1` makes room"),
        ("conv", {"channels": 4, "kernel": 0}, [IMAGE], "DL307", None),
        ("conv", {"channels": 4, "kernel": 3, "stride": 0}, [IMAGE], "DL307", None),
        ("conv", {"channels": 4, "kernel": 3, "pad": -1}, [IMAGE], "DL307", None),
        ("conv", {"channels": 4, "kernel": (3, 3, 3)}, [IMAGE], "DL301", "reshape(1, 2, 8, 8)"),
        ("conv", {"channels": 4, "kernel": (3,)}, [IMAGE], "DL307", None),
        ("conv", {"channels": 4, "kernel": "3"}, [IMAGE], "DL307", None),
        ("conv", {"channels": 3, "kernel": 3, "groups": 2}, [IMAGE], "DL307", None),
        ("conv", {"channels": 4, "kernel": 3}, [t("float", "N", "C", 8)], "DL306", "axis 1 holds"),
        ("conv_transpose", {"channels": 4, "kernel": 3, "output_pad": 1}, [IMAGE], "DL307", None),
        ("conv_transpose", {"channels": 4, "kernel": 1, "pad": 4}, [IMAGE], "DL306", "`pad`"),
        ("max_pool", {"size": 9}, [IMAGE], "DL306", "smaller window"),
        ("max_pool", {"size": 2, "pad": 2}, [IMAGE], "DL307", None),
        ("avg_pool", {"size": 2}, [t("uint8", "N", 1, 8, 8)], "DL303", "cast"),
        ("dense", {"units": 4}, [t("uint8", "N", 8)], "DL303", "image / 255"),
        ("dense", {"units": 4}, [t("int", "N", 8)], "DL303", "embed"),
        ("dense", {"units": 0}, [t("float", "N", 8)], "DL307", None),
        ("dense", {"units": 2.5}, [t("float", "N", 8)], "DL307", None),
        ("dense", {"units": True}, [t("float", "N", 8)], "DL307", None),
        ("dense", {"units": 4}, [t("float", "N")], "DL306", "unsqueeze"),
        ("dense", {"units": 4}, [t("float", "N", "T")], "DL306", "reduce"),
        ("matmul", {}, [t("float", "N", 3), t("float", 4, 3)], "DL302", "transpose(b)"),
        ("matmul", {}, [t("float"), t("float", 3, 4)], "DL301", "`a * b`"),
        ("add", {}, [t("float", "N", 3), t("float", "N", 4)], "DL304", None),
        ("add", {}, [t("float", "N"), t("float", "M")], "DL304", None),
        ("add", {}, [t("uint8", "N"), t("uint8", "N")], "DL303", "cast"),
        ("add", {}, [t("float", "N"), t("int", "N")], "DL303", None),
        ("div", {}, [t("int", "N"), t("int", "N")], "DL303", "cast"),
        ("relu", {}, [t("int", "N")], "DL303", "cast"),
        ("logical_and", {}, [t("int", "N"), t("int", "N")], "DL303", None),
        ("clip", {}, [t("float", "N")], "DL307", None),
        ("clip", {"low": 1.0, "high": 0.0}, [t("float", "N")], "DL307", None),
        ("softmax", {"axis": 2}, [t("float", "N", 3)], "DL305", None),
        ("softmax", {"axis": "T"}, [t("float", "N", 3)], "DL307", None),
        ("softmax", {"axis": 1}, [t("float", "N", "T", ragged=(1,))], "DL308", None),
        ("mean", {"axis": (1, -1)}, [t("float", "N", 3)], "DL307", None),
        ("mean", {"axis": 1}, [t("float", "N", "T", 3, ragged=(1,))], "DL308", None),
        ("mean", {"keep": 1}, [t("float", "N", 3)], "DL307", None),
        ("argmax", {}, [t("bool", "N", 3)], "DL303", None),
        ("reshape", {"shape": (3, 3)}, [t("float", "N", 8)], "DL306", "after N"),
        ("reshape", {"shape": (-1, -1)}, [t("float", "N", 8)], "DL307", None),
        ("reshape", {"shape": (3, -1)}, [t("float", "N", 8)], "DL306", None),
        ("reshape", {"shape": (8,)}, [t("float", "N", "T", ragged=(1,))], "DL308", None),
        ("flatten", {"from_": 3}, [t("float", "N", 8)], "DL301", None),
        ("unflatten", {"shape": (3, 3)}, [t("float", "N", 8)], "DL306", None),
        ("transpose", {}, [t("float", "N")], "DL305", None),
        ("squeeze", {"axis": 1}, [t("float", "N", 3)], "DL302", None),
        ("concat", {}, [t("float", "N", 3), t("float", "M", 3)], "DL302", None),
        ("concat", {}, [t("float", "N", 3), t("float", "N")], "DL301", None),
        ("stack", {}, [t("float", "N", 3), t("float", "N", 4)], "DL302", None),
        ("slice", {"starts": (None, 3), "stops": (None, 3)}, [t("float", "N", 8)], "DL306", None),
        ("slice", {"starts": (0,), "stops": (1,)}, [t("float", "N", 8)], "DL306", None),
        ("pick", {}, [t("float", "N", 3), t("int", "M")], "DL302", None),
        ("pick", {}, [t("float", "N", 3), t("float", "N")], "DL303", None),
        ("embed", {"count": 5, "size": 2}, [t("float", "N")], "DL303", "int["),
        ("one_hot", {"size": -1}, [t("int", "N")], "DL307", None),
        ("batch_norm", {"momentum": 2}, [IMAGE], "DL307", None),
        ("batch_norm", {}, [t("float", "N")], "DL301", None),
        ("batch_norm", {}, [t("float", "N", "C")], "DL306", "axis 1 holds"),
        ("cross_entropy", {}, [t("float", "N", 10), t("int", "M")], "DL302", None),
        ("cross_entropy", {"smoothing": 1.0}, [t("float", "N", 10), t("int", "N")], "DL307", None),
        ("mse", {}, [t("float", "N", 1), t("float", "N")], "DL304", None),
        ("huber", {"delta": 0}, [t("float", "N"), t("float", "N")], "DL307", None),
        ("cast", {"dtype": "complex"}, [t("float", "N")], "DL307", None),
        ("where", {}, [t("float", "N"), t("float", "N"), t("float", "N")], "DL303", None),
    ],
)
def test_mistakes_are_told(
    name: str, settings: dict[str, Any], inputs: list[TensorType], code: str, help_: str | None
) -> None:
    diagnostic = told(name, settings, *inputs)
    assert diagnostic.code == code
    if help_ is not None:
        assert help_ in " ".join(diagnostic.helps)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_ops_without_a_rule_refuse_lengths(name: str) -> None:
    op = REGISTRY[name]
    if op.ragged != "forbid":
        return
    settings, inputs = op.samples[0]
    made = op(**{k: v for k, v in settings.items() if k in op.attributes()})
    kinds = [
        k if len(k) == 2 and isinstance(k[1], tuple) else ("float", k) for k in inputs.values()
    ]
    types = [t(dtype, *dims) for dtype, dims in kinds]
    parameters = tuple(made.parameter_types(*types).values())
    made.infer(*types, *parameters)
    ragged = [t(dtype, *dims, ragged=(1,) if len(dims) > 1 else ()) for dtype, dims in kinds]
    with pytest.raises(DlspecError, match="DL308"):
        made.infer(*ragged, *parameters)


def test_lengths_pass_through_pointwise_ops() -> None:
    words = t("float", "N", "T", 4, ragged=(1,))
    (y,) = REGISTRY["add"]().infer(words, t("float", 4))
    assert y == words
    (y,) = REGISTRY["dense"](units=2).infer(words, t("float", 2, 4), None)  # type: ignore[call-arg]
    assert str(y) == "float32[N, <=T, 2]"
    (y,) = REGISTRY["mean"]().infer(words)
    assert str(y) == "float32[N, <=T]"
    (y,) = REGISTRY["argmax"]().infer(words)
    assert str(y) == "int64[N, <=T]"


def test_sizes_stay_symbolic() -> None:
    (y,) = REGISTRY["conv"](channels=4, kernel=3, stride=2).infer(  # type: ignore[call-arg]
        t("float", "N", 1, "T"), t("float", 4, 1, 3), t("float", 4)
    )
    assert str(y) == "float32[N, 4, (T + 1)//2 - 1]"
    (y,) = REGISTRY["flatten"]().infer(t("float", "N", "T", 3))
    assert str(y) == "float32[N, 3*T]"
    (y,) = REGISTRY["concat"](axis=1).infer(t("float", "N", "T"), t("float", "N", 2))  # type: ignore[call-arg]
    assert str(y) == "float32[N, T + 2]"
