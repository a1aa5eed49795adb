"""A recipe's settings may be those of its networks."""

from __future__ import annotations

import pytest

from dlspec.driver import Compilation
from dlspec.source import SourceFile

SPEC = """
const twice = 2
network net(units = 3, act = relu) {
    input x: float[N, 4]
    output y = x -> dense(units) -> act
}
data points {
    file = npz("points.npz")
    output x: float[N, 4] = file.x
    output label: int[N] = file.label
}
recipe learn(width = 5) for net(width * twice, act = tanh) on points {
    minimize cross_entropy(y, label)
    optimizer = adam(0.01); epochs = 2
}
experiment sizes runs learn { width = 2, 4 }
"""


@pytest.mark.parametrize(
    ("settings", "units"),
    [({}, 10), ({"width": "6"}, 12), ({"net.units": "7"}, 7), ({"units": "7"}, 7)],
)
def test_settings_are_passed_on(settings: dict[str, str], units: int) -> None:
    compilation = Compilation(SourceFile("r.dl", SPEC), settings=settings)
    (plan,) = compilation.spec.recipes.values()
    for graph in (compilation.spec.networks["net"].graph, plan.steps[0].learn):
        weight = next(p for p in graph.parameters if p.name.endswith("dense.weight"))
        assert str(weight.type) == f"float32[{units}, 4]"
        assert "tanh" in {n.op.name for n in graph.nodes}


def test_experiments_change_them() -> None:
    compilation = Compilation(SourceFile("r.dl", SPEC))
    plan = compilation.experiment("sizes")
    assert [dict(c.settings) for c in plan.combinations()] == [{"width": "2"}, {"width": "4"}]


def test_dimensions_of_fields_are_known() -> None:
    text = SPEC.replace("float[N, 4]", "float[N, <=T, 4]").replace(
        "cross_entropy(y, label)", "cross_entropy(mean(y, axis = T), label)"
    )
    compilation = Compilation(SourceFile("r.dl", text))
    assert compilation.spec.recipes


def test_an_output_may_be_called_as_its_vocabulary() -> None:
    text = """network n(words) {
        input text: int[N, <=T] of words
        scores = text -> embed(words.size, 4) -> dense(words.size)
        output words: int[N, <=T] of words = argmax(scores)
    }
    data d {
        file = csv("t.csv")
        words = vocabulary(file.text, by = words, size = 10)
        output text: int[N, <=T] of words = file.text
    }
    recipe r for n(d.words) on d {
        minimize cross_entropy(scores, text) with adam(0.01); epochs = 1
    }
    """
    compilation = Compilation(SourceFile("r.dl", text))
    (output,) = compilation.spec.networks["n"].graph.outputs
    assert output.vocabulary is not None
