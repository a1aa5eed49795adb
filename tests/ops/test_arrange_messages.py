"""Windows, norms and shapes that do not fit are told with the way out; lengths go along or are
refused."""

from __future__ import annotations

from typing import Any

import pytest

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.ir.types import TensorType
from dlspec.ops import REGISTRY


def t(dtype: str, *dims: Any, ragged: tuple[int, ...] = ()) -> TensorType:
    """A type."""
    return TensorType.of(dtype, *dims, ragged=ragged)


def inferred(name: str, settings: dict[str, Any], *inputs: TensorType) -> tuple[TensorType, ...]:
    """The result types, parameters included."""
    op = REGISTRY[name](**settings)
    return op.infer(*inputs, *op.parameter_types(*inputs).values())


def told(name: str, settings: dict[str, Any], *inputs: TensorType) -> Diagnostic:
    """The diagnostic of an op that does not fit."""
    with pytest.raises(DlspecError) as caught:
        inferred(name, settings, *inputs)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.message and diagnostic.label_text
    return diagnostic


IMAGE = t("float", "N", 4, 8, 8)
FREE = t("float", "N", 4, "H", 8)
ROWS = t("float", "N", 6)


@pytest.mark.parametrize(
    ("name", "settings", "kind", "code", "shown"),
    [
        ("conv", {"channels": 4, "kernel": 3, "pad": "valid"}, IMAGE, "DL307", '"same", "causal"'),
        ("conv", {"channels": 4, "kernel": 3, "pad": "causal"}, IMAGE, "DL307", "one spatial axis"),
        ("conv", {"channels": 4, "kernel": 3, "pad": ((1, 1),)}, IMAGE, "DL307", "2 spatial axes"),
        ("conv", {"channels": 4, "kernel": 3, "pad": ((1,), 1)}, IMAGE, "DL307", "pairs"),
        ("conv", {"channels": 4, "kernel": 3, "pad": ((1, -1), 1)}, IMAGE, "DL307", "from 0"),
        ("conv", {"channels": 6, "kernel": 3, "groups": 4}, IMAGE, "DL307", "divisor of 4 inputs"),
        ("max_pool", {"size": 2, "pad": "causal"}, IMAGE, "DL307", '"same"'),
        ("max_pool", {"size": 2, "ceil": 1}, IMAGE, "DL307", "true or false"),
        ("lp_pool", {"size": 2, "p": 0.5}, IMAGE, "DL307", "from 1"),
        ("global_lp_pool", {"p": 3}, IMAGE, "DL307", "1 or 2"),
        ("global_avg_pool", {}, ROWS, "DL301", "reshape(1, 6)"),
        ("adaptive_max_pool", {"size": (1, 2, 3)}, IMAGE, "DL301", "N, channels, and 3 spatial"),
        ("layer_norm", {"axis": 2}, FREE, "DL306", "the size H is not known"),
        ("layer_norm", {"axis": 5}, IMAGE, "DL305", "[N, 4, 8, 8]"),
        ("group_norm", {"groups": 3}, IMAGE, "DL307", "a divisor of 4 channels"),
        ("group_norm", {"groups": 6}, ROWS, "DL306", "no variance"),
        ("instance_norm", {}, ROWS, "DL306", "no variance"),
        ("lrn", {"size": 4}, IMAGE, "DL307", "an odd number"),
        ("lrn", {}, ROWS, "DL301", "spatial"),
        ("expand", {"shape": (3, -1, -1)}, IMAGE, "DL306", "`tile` repeats"),
        ("expand", {"shape": (3,)}, IMAGE, "DL301", "`unsqueeze`"),
        ("permute", {"order": (1, 2)}, IMAGE, "DL307", "each of 1, 2, 3 once"),
        ("permute", {"order": (0, 1, 2)}, IMAGE, "DL307", "N stays first"),
        ("tile", {"counts": (2,)}, IMAGE, "DL301", "a count for each axis after N"),
        ("split", {"sizes_": (2, 3)}, ROWS, "DL306", "add up to 5, not 6"),
        ("split", {"sizes_": 4}, ROWS, "DL306", "`chunk(x, 4)`"),
        ("split", {"sizes_": (-1, -1)}, ROWS, "DL307", "at most one of them -1"),
        ("split", {"sizes_": (6, -1)}, ROWS, "DL306", "leave nothing of 6"),
        ("chunk", {"count": 2, "axis": 2}, FREE, "DL306", "`split(x, [2, -1])`"),
        ("slice", {"starts": (0,), "stops": (2,), "steps": (0,)}, ROWS, "DL307", "goes on"),
        ("slice", {"starts": (None, 4), "stops": (None, 2)}, ROWS, "DL306", "nothing of axis 1"),
        ("slice", {"starts": (None, None, -3), "stops": (None,) * 3}, FREE, "DL306", "`-1:`"),
        ("crop", {"size": 9}, IMAGE, "DL306", "`pad` makes a size larger"),
        ("roll", {"by": 2, "axis": 2}, FREE, "DL306", "roll by 1"),
        ("shift", {"value": 0.5}, t("int", "N", 3), "DL307", "a whole number for int64"),
        ("shift", {"by": 7}, ROWS, "DL306", "7 places"),
        ("mirror", {"axis": (1, -1)}, ROWS, "DL307", "axes that differ"),
        ("pad", {"amount": 1, "mode": "edge"}, IMAGE, "DL307", '"replicate"'),
        ("pad", {"amount": 8, "mode": "reflect"}, IMAGE, "DL306", "8 elements are not enough"),
        ("pad", {"amount": 1, "mode": "reflect"}, FREE, "DL306", "declare the size"),
        ("pad", {"amount": (1, 2, 3)}, IMAGE, "DL307", "one for each of the axes 2, 3"),
        ("pad", {"amount": 1, "mode": "circular", "axis": 1}, IMAGE, "DL307", "spatial axes"),
        ("depth_to_space", {"block": 3}, IMAGE, "DL306", "no multiple of 3 * 3"),
        ("space_to_depth", {"block": 3}, IMAGE, "DL306", "`pad` or `crop`"),
        ("resize", {}, IMAGE, "DL307", "a size or a scale"),
        ("resize", {"size": (4,), "scale": 2}, IMAGE, "DL307", "a size or a scale"),
        ("resize", {"size": (4,), "mode": "cubic"}, IMAGE, "DL307", '"nearest" or "linear"'),
        ("resize", {"size": (4,), "align_corners": True}, IMAGE, "DL307", "any mode but linear"),
        ("resize", {"size": (4, 4, 4)}, IMAGE, "DL307", "2 for 2 spatial axes"),
        ("resize", {"size": (4,)}, FREE, "DL306", "scaled by a whole number"),
        ("resize", {"scale": 0.5}, FREE, "DL306", "may have no such part"),
        ("resize", {"size": (70000,)}, IMAGE, "DL307", "from 1 to 65,536"),
        ("adaptive_avg_pool", {"size": 5000}, IMAGE, "DL307", "from 1 to 1,024"),
        ("max_pool", {"size": 5000, "dilation": 2}, IMAGE, "DL307", "from 1 to 1,024"),
        ("resize", {"scale": 0.1}, IMAGE, "DL306", "8 at a scale of 0.1 is 0"),
        ("batch_norm", {}, t("int", "N", 4, 8), "DL303", "a float"),
    ],
)
def test_mistakes_are_told(
    name: str, settings: dict[str, Any], kind: TensorType, code: str, shown: str
) -> None:
    diagnostic = told(name, settings, kind)
    assert diagnostic.code == code
    assert shown in " ".join([diagnostic.message, diagnostic.label_text, *diagnostic.helps])


WORDS = t("float", "N", "T", 4, 6, ragged=(1,))


@pytest.mark.parametrize(
    ("name", "settings", "result"),
    [
        ("transpose", {}, "float32[N, <=T, 6, 4]"),
        ("transpose", {"first": 1, "second": 2}, "float32[N, 4, <=T, 6]"),
        ("permute", {"order": (3, 1, 2)}, "float32[N, 6, <=T, 4]"),
        ("unsqueeze", {"axis": 1}, "float32[N, 1, <=T, 4, 6]"),
        ("unsqueeze", {"axis": -1}, "float32[N, <=T, 4, 6, 1]"),
        ("flatten", {"from_": 2}, "float32[N, <=T, 24]"),
        ("unflatten", {"shape": (2, 3)}, "float32[N, <=T, 4, 2, 3]"),
        ("slice", {"starts": (None,) * 3 + (1,), "stops": (None,) * 4}, "float32[N, <=T, 4, 5]"),
        ("mirror", {}, "float32[N, <=T, 4, 6]"),
        ("shift", {}, "float32[N, <=T, 4, 6]"),
        ("roll", {"by": 2}, "float32[N, <=T, 4, 6]"),
        ("pad", {"amount": 1, "axis": 3}, "float32[N, <=T, 4, 8]"),
        ("expand", {"shape": (-1, 4, 6)}, "float32[N, <=T, 4, 6]"),
        ("repeat_interleave", {"count": 2}, "float32[N, <=T, 4, 12]"),
        ("layer_norm", {}, "float32[N, <=T, 4, 6]"),
        ("rms_norm", {"axis": 2}, "float32[N, <=T, 4, 6]"),
        ("normalize", {}, "float32[N, <=T, 4, 6]"),
    ],
)
def test_lengths_go_along(name: str, settings: dict[str, Any], result: str) -> None:
    assert str(inferred(name, settings, WORDS)[0]) == result


def test_lengths_go_along_where_tensors_meet() -> None:
    full = t("float", "N", "T", 4, 6)
    for first, second in ((WORDS, WORDS), (WORDS, full), (full, WORDS)):
        assert str(REGISTRY["concat"]().infer(first, second)[0]) == "float32[N, <=T, 4, 12]"
        stacked = REGISTRY["stack"](axis=1)  # type: ignore[call-arg]
        assert str(stacked.infer(first, second)[0]) == "float32[N, 2, <=T, 4, 6]"
    parts = inferred("split", {"sizes_": (2, -1)}, WORDS)
    assert [str(p) for p in parts] == ["float32[N, <=T, 4, 2]", "float32[N, <=T, 4, 4]"]
    squeezed = inferred("squeeze", {"axis": 1}, t("float", "N", 1, "T", 3, ragged=(2,)))
    assert str(squeezed[0]) == "float32[N, <=T, 3]"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("transpose", {"first": 0, "second": 1}),
        ("unsqueeze", {"axis": 0}),
        ("flatten", {}),
        ("reshape", {"shape": (-1, 24)}),
        ("concat", {"axis": 1}),
        ("stack", {"axis": 0}),
        ("slice", {"starts": (None, 1), "stops": (None, None)}),
        ("mirror", {"axis": 1}),
        ("roll", {"by": 1, "axis": 1}),
        ("pad", {"amount": 1, "axis": 1}),
        ("repeat_interleave", {"count": 2, "axis": 1}),
        ("normalize", {"axis": 1}),
        ("chunk", {"count": 1, "axis": 1}),
    ],
)
def test_lengths_are_refused_where_padding_would_show(name: str, settings: dict[str, Any]) -> None:
    kind = t("float", "N", "T", 4, 6, ragged=(1,))
    assert told(name, settings, kind).code == "DL308"


def test_sizes_stay_symbolic() -> None:
    assert str(inferred("pad", {"amount": 2}, FREE)[0]) == "float32[N, 4, H + 4, 12]"
    assert str(inferred("resize", {"scale": 3}, FREE)[0]) == "float32[N, 4, 3*H, 24]"
    halved = inferred("max_pool", {"size": 3, "stride": 2, "pad": "same"}, FREE)[0]
    assert str(halved) == "float32[N, 4, (H + 1)//2, 4]"
    kept = inferred("max_pool", {"size": 3, "stride": 2, "ceil": True}, FREE)[0]
    assert str(kept) == "float32[N, 4, H//2, 4]"
    rest = inferred("split", {"sizes_": (2, -1), "axis": 2}, FREE)[1]
    assert str(rest) == "float32[N, 4, H - 2, 8]"
    inner = inferred("slice", {"starts": (None, None, 1), "stops": (None, None, -1)}, FREE)[0]
    assert str(inner) == "float32[N, 4, H - 2, 8]"
    assert str(inferred("tile", {"counts": (1, 2, 1)}, FREE)[0]) == "float32[N, 4, 2*H, 8]"
    blocks = inferred("depth_to_space", {"block": 2}, FREE)[0]
    assert str(blocks) == "float32[N, 1, 2*H, 16]"
