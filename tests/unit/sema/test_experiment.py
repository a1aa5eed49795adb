"""What an experiment changes: settings of the recipe, its networks and its data, by names that mean
one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.driver import Compilation
from dlspec.driver.experiment import prepared
from dlspec.ir.experiment_plan import ExperimentPlan
from dlspec.ir.plan import RecipePlan
from dlspec.source import SourceFile

BEFORE = """
network net(units = 3, rate = 2) {
    input x: float[N, 4]
    output y = x -> dense(units) -> dense(rate)
}
data points(part = 20%, wide = 1) {
    file = npz("points.npz")
    output x: float[N, 4] = file.x
    output label: int[N] = file.label
    split = random(90% - part, part, 10%)
}
recipe learn(rate = 0.01, wide = 3) for net on points {
    minimize cross_entropy(y, label) with adam(rate)
    batch = 32; epochs = 2
    metrics = accuracy(y, label)
}
"""


def compiled(body: str) -> Compilation:
    text = f"{BEFORE}experiment e runs learn {{ {body} }}\n"
    return Compilation(SourceFile("points.dl", text))


def plan(body: str) -> ExperimentPlan:
    return compiled(body).experiment("e")


def told(body: str) -> Iterator[Diagnostic]:
    with pytest.raises(DlspecError) as caught:
        plan(body)
    yield from caught.value.diagnostics


def keys(body: str) -> list[str]:
    return [key for factor in plan(body).factors for key in factor.keys]


def test_names_mean_settings_of_recipe_network_and_data() -> None:
    assert keys("units = 2, 4") == ["net.units"]
    assert keys("net.rate = 2, 3") == ["net.rate"]
    assert keys("learn.rate = 0.1, 0.01") == ["learn.rate"]
    assert keys("epochs = 1, 2") == ["learn.epochs"]
    assert keys("part = 10%, 20%") == ["points.part"]
    assert keys("points.part, units = (10%, 2), (20%, 3)") == ["points.part", "net.units"]


def test_a_name_that_two_have_is_an_error_that_names_both() -> None:
    (found,) = told("rate = 1, 2")
    assert found.code == "DL481"
    assert "`learn.rate` or `net.rate`" in str(DlspecError(found))
    (found,) = told("wide = 1, 2")
    assert "`learn.wide` or `points.wide`" in str(DlspecError(found))


def test_what_may_change_is_listed_once() -> None:
    (found,) = told("unit = 1, 2")
    text = str(DlspecError(found))
    assert "`units`" in text and "`net.units`" not in text
    assert "`net.rate`" in text and "`learn.rate`" in text


def test_a_setting_that_is_passed_on_is_one() -> None:
    text = BEFORE.replace("wide = 3) for net on points", "part = 20%) for net on points(part)")
    text += "experiment e runs learn { part = 10%, 20% }\n"
    compilation = Compilation(SourceFile("points.dl", text))
    assert compilation.experiment().factors[0].keys == ("part",)
    every = prepared(compilation, compilation.experiment())
    assert [_validation(one.recipe) for one in every] == [0.1, 0.2]


def test_settings_of_data_reach_the_data() -> None:
    compilation = compiled("points.part = 10%, 20%")
    every = prepared(compilation, compilation.experiment())
    assert [_validation(one.recipe) for one in every] == [0.1, 0.2]


def _validation(recipe: RecipePlan) -> float:
    assert recipe.data is not None
    assert recipe.data.split is not None
    return recipe.data.split.shares[1]


def test_own_settings_change_nothing_else() -> None:
    compilation = compiled("learn.rate = 0.5, 0.25")
    every = prepared(compilation, compilation.experiment())
    rates = [one.recipe.all_steps[0].groups[0].optimizer.settings for one in every]
    assert [float(dict(r)["lr"]) for r in rates] == [0.5, 0.25]
    assert {one.parameters for one in every} == {4 * 3 + 3 + 3 * 2 + 2}


def test_lines_make_the_grid_and_pairs_go_together() -> None:
    found = plan("units, epochs = (2, 5), (4, 6); batch = 8, 16; repeat = 2 seeds")
    shown = [tuple(c.values.values()) for c in found.combinations()]
    assert shown == [("2", "5", "8"), ("2", "5", "16"), ("4", "6", "8"), ("4", "6", "16")]
    assert found.runs == 8
    assert plan("units = 2").repeat == 1
    assert plan("units = 2").report == ()


@pytest.mark.parametrize("given", ["0 seeds", "2.5 seeds", "3 epochs", "1, 2", "many"])
def test_seeds_are_a_whole_number(given: str) -> None:
    (found,) = told(f"units = 2, 3; repeat = {given}")
    assert "a number of seeds" in str(DlspecError(found))


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("unit = 2, 4", "DL480", "did you mean `units`?"),
        ("units, epochs = (2, 1), 4", "DL482", "one value"),
        ("units = 2; units = 4", "DL483", "`units` is given twice"),
        ("units = 2, 2", "DL483", "`units = 2` is given twice"),
        ("units = 2, 4; report = test.acuracy", "DL484", "did you mean `test.accuracy`?"),
    ],
)
def test_mistakes(body: str, code: str, text: str) -> None:
    (found,) = told(body)
    assert found.code == code
    assert text in str(DlspecError(found))


def test_a_combination_that_fails_is_named() -> None:
    compilation = compiled("units = 2, 0; batch = 8, 16")
    with pytest.raises(DlspecError) as caught:
        prepared(compilation, compilation.experiment())
    first, *_ = caught.value.diagnostics
    assert first.code == "DL485"
    assert "units = 0, batch = 8" in str(caught.value)
