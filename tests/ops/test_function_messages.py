"""Functions, choices, sums and activations tell what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from dlspec.diagnostics import DlspecError
from dlspec.ir.types import TensorType
from dlspec.ops import REGISTRY
from dlspec.ops.einsum_equation import MalformedEquation, parse_equation


def t(dtype: str, *dims: Any, ragged: tuple[int, ...] = ()) -> TensorType:
    """A type."""
    return TensorType.of(dtype, *dims, ragged=ragged)


def e(equation: str) -> dict[str, str]:
    """The setting of an einsum."""
    return {"equation": equation}


X = t("float", "N", 4)
STEPS = t("float", "N", "T", 4, ragged=(1,))


@pytest.mark.parametrize(
    ("name", "settings", "inputs", "code", "shown"),
    [
        ("sin", {}, [t("bool", "N")], "DL303", "a float"),
        ("isnan", {}, [t("int", "N")], "DL303", "a float"),
        ("logical_xor", {}, [t("float", "N")] * 2, "DL303", "bool"),
        ("celu", {"alpha": 0}, [X], "DL307", "more than 0"),
        ("elu", {"alpha": "x"}, [X], "DL307", "a number"),
        ("gelu", {"approximate": "fast"}, [X], "DL307", '"none" or "tanh"'),
        ("hard_tanh", {"low": 1, "high": 1}, [X], "DL307", "less than high"),
        ("prelu", {}, [t("float", "N", "C")], "DL306", "float32[N, C]"),
        ("glu", {}, [t("float", "N", 5)], "DL306", "float32[N, 5]"),
        ("glu", {"axis": 1}, [STEPS], "DL308", "<=T"),
        ("einsum", e("nd,nd"), [X], "DL307", "2 operands, and 1 are given"),
        ("einsum", e("nd,nkd->nk"), [X, t("float", "N", 3, 5)], "DL302", "`d` of `nkd` is 5"),
        ("einsum", e("n->n"), [X], "DL301", "1 axes are wanted"),
        ("einsum", e("...nnn->...n"), [X], "DL301", "at least 3"),
        ("einsum", e("n1->n"), [X], "DL307", "`1` is no letter"),
        ("einsum", {"equation": 3}, [X], "DL307", "this is no text"),
        (
            "slice",
            {"starts": 1, "stops": (2,)},
            [X],
            "DL307",
            "a list with one entry for each axis",
        ),
        ("mse", {"kept": 1}, [X, X], "DL307", "a list of axes"),
        ("bilinear", {"units": 2}, [X, t("float", "N", "T")], "DL306", "float32[N, T]"),
        ("top_k", {"count": 5}, [X], "DL306", "float32[N, 4]"),
        ("top_k", {"count": 1}, [t("float", "N", "T")], "DL306", "float32[N, T]"),
        ("top_k", {"count": 0}, [X], "DL307", "from 1"),
        ("top_k", {"count": 1, "axis": 1}, [STEPS], "DL308", "<=T"),
        ("sort", {"axis": 2}, [X], "DL305", "float32[N, 4]"),
        ("argmin", {}, [t("bool", "N", 2)], "DL303", "a number"),
        ("gather", {}, [X, t("float", "N")], "DL303", "int"),
        ("gather", {"axis": 1}, [X, t("int", "M")], "DL306", "float32[N, 4]"),
        ("triu", {}, [t("float", "N")], "DL305", "float32[N]"),
        ("tril", {"diagonal": 0.5}, [X], "DL307", "whole number"),
        ("cumsum", {"exclusive": 1}, [X], "DL307", "true or false"),
        ("cumsum", {"axis": 1}, [STEPS], "DL308", "<=T"),
        ("any", {}, [X], "DL303", "bool"),
        ("norm", {"p": 0}, [X], "DL307", "above 0"),
        ("var", {}, [t("float", "N", 1)], "DL307", "one number"),
        ("std", {"axis": 1}, [STEPS], "DL308", "<=T"),
        ("l2", {}, [t("int", 3)], "DL303", "a float"),
        ("cosine_similarity", {}, [X, t("float", "N", 5)], "DL304", "4 and 5"),
    ],
)
def test_mistakes_are_told(
    name: str, settings: dict[str, Any], inputs: list[TensorType], code: str, shown: str
) -> None:
    with pytest.raises(DlspecError) as caught:
        op = REGISTRY[name](**settings)
        op.infer(*inputs, *op.parameter_types(*inputs).values())
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert shown in diagnostic.label_text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ij,jk->ik", "ij,jk->ik"),
        ("ij,jk", "ij,jk->ik"),
        ("ba", "ba->ab"),
        ("ii", "ii->"),
        (" i j -> j i ", "ij->ji"),
        ("...i,...i", "...i,...i->..."),
        ("i,j,k->", "i,j,k->"),
    ],
)
def test_equations_are_numpy_s(text: str, meant: str) -> None:
    assert str(parse_equation(text)) == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ij->ijj", "twice in the result"),
        ("ij->k", "in no operand"),
        ("...i->i", "lacks the `...`"),
        ("...i...->i", "`...` stands twice"),
        ("i.j->i", "no letter"),
        ("é->é", "no letter"),
        ("ij->i->j", "no letter"),
    ],
)
def test_equations_that_mean_nothing(text: str, why: str) -> None:
    with pytest.raises(MalformedEquation, match=why):
        parse_equation(text)


def test_shapes_stay_symbolic_and_ragged() -> None:
    (y,) = REGISTRY["norm"]().infer(STEPS)
    assert str(y) == "float32[N, <=T]"
    (y,) = REGISTRY["glu"]().infer(STEPS)
    assert str(y) == "float32[N, <=T, 2]"
    values, places = REGISTRY["top_k"](count=2).infer(STEPS)  # type: ignore[call-arg]
    assert str(values) == "float32[N, <=T, 2]"
    assert str(places) == "int64[N, <=T, 2]"
    (y,) = REGISTRY["gather"]().infer(STEPS, t("int", "N", "S", ragged=(1,)))
    assert str(y) == "float32[N, <=S, 4]"
    (y,) = REGISTRY["gather"](axis=0).infer(t("float", 9, 4), t("int", "N", "S", ragged=(1,)))  # type: ignore[call-arg]
    assert str(y) == "float32[N, <=S, 4]"
    (y,) = REGISTRY["einsum"](equation="ntd,nd->nt").infer(  # type: ignore[call-arg]
        t("float", "N", "T", 4), X
    )
    assert str(y) == "float32[N, T]"
