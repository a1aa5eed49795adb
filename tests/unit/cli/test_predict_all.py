"""Answers that are too long for a line are cut, and `--all` shows the whole of them."""

from __future__ import annotations

import re

import pytest

from dlspec.cli.main import main
from dlspec.driver import Compilation
from dlspec.driver.build import BuildOptions, build_network
from dlspec.randomness import initial_weights
from dlspec.source import SourceFile

SPEC = """
network n {
    input x: float[N, 2]
    output short = 2 * x
    output wide  = x @ [VALUES, VALUES]
    output share = x -> dense(12) -> softmax
}
""".replace("VALUES", str(list(range(1100))))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("wide")
    source = SourceFile("wide.dl", SPEC)
    plan = Compilation(source, folder).spec.networks["n"]
    options = BuildOptions(folder / "build", use_torch=False)
    return str(build_network(plan, initial_weights(plan.graph, 0), source, options).folder)


def shown(bundle: str, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[str, str]:
    assert main(["predict", bundle, "x=[1, 1]", *more]) == 0
    out, err = capsys.readouterr()
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "short: [[2. 2.]]" in out
    return out, err


def test_what_is_cut_says_how_to_see_the_rest(
    bundle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = shown(bundle, capsys)
    assert out.count("…") == 1 and out.count("%") == 10
    assert "`--all`" in err and "`--json`" in err


def test_all_of_it(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = shown(bundle, capsys, "--all")
    assert "…" not in out and "..." not in out and "--all" not in err
    assert out.count("%") == 12
    numbers = re.findall(r"[\d.]+(?:e\+\d+)?", out.partition("wide:")[2].partition("]]")[0])
    assert [float(n) for n in numbers] == [2.0 * i for i in range(1100)]


def test_json_is_whole(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", bundle, "x=[1, 1]", "--json"]) == 0
    assert "--all" not in capsys.readouterr().err
