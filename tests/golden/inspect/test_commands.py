"""What `dlspec inspect` prints and draws, as a user sees it at 80 columns.

Each line of ``commands.txt`` names a case and its arguments; ``expected/<case>`` holds all that it
prints, and the picture where it draws one.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from dlspec.cli.main import main

HERE = Path(__file__).parent
LINES = (HERE / "commands.txt").read_text("utf-8").splitlines()
CASES = {name: rest.strip() for name, _, rest in (line.partition(":") for line in LINES)}
FAILING = {"which", "unknown", "missing", "comment", "engine", "end", "symbol", "size", "folder"}


def compare(path: Path, found: str, update: bool) -> None:
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, "utf-8")
    assert found == path.read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_inspect(
    case: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(HERE)
    monkeypatch.setenv("COLUMNS", "80")
    picture = tmp_path / "net.svg"
    arguments = [a.replace("PICTURE", str(picture)) for a in shlex.split(CASES[case])]
    status = main(["inspect", *arguments])
    said = capsys.readouterr()
    assert status == (1 if case in FAILING else 0), said.err
    update = bool(request.config.getoption("--update-golden"))
    text = (said.out + said.err).replace(str(picture), "net.svg")
    compare(HERE / "expected" / f"{case}.txt", text, update)
    assert picture.exists() == ("PICTURE" in CASES[case])
    if picture.exists():
        svg = picture.read_text("utf-8").replace("><", ">\n<") + "\n"
        compare(HERE / "expected" / f"{case}.svg", svg, update)


def test_json_of_every_form(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    monkeypatch.chdir(HERE)
    for more in ([], ["--line", "12"], ["--depth", "3"]):
        assert main(["inspect", "two.dl", "--network", "two", "--json", *more]) == 0
        assert json.loads(capsys.readouterr().out)["network"] == "two"


def test_a_picture_replaces_the_one_before_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(HERE)
    picture = tmp_path / "net.svg"
    picture.write_text("before")
    assert main(["inspect", "two.dl", "--network", "two", "--graph", str(picture)]) == 0
    assert picture.read_text("utf-8").startswith("<svg")
    assert list(tmp_path.iterdir()) == [picture]
    assert main(["inspect", "two.dl", "--network", "two", "--graph", str(tmp_path)]) == 1
    assert "DL642" in capsys.readouterr().err


def test_a_bundle_is_inspected_and_a_damaged_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "tiny.dl"
    spec.write_text(
        "network tiny(units = 2) { input x: float32[N, 2]; output y = relu(x) -> dense(units) }\n"
        "engine edge for tiny { targets = onnxruntime }\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["compile", "tiny.dl", "--fast", "--no-torch"]) == 0
    capsys.readouterr()
    assert main(["inspect", "build/tiny"]) == 0
    assert "6 parameters" in capsys.readouterr().out
    (copy,) = (tmp_path / "build" / "tiny").glob("*/spec/tiny.dl")
    copy.chmod(0o644)
    copy.write_text(copy.read_text().replace("2]", "3]"))
    assert main(["inspect", "build/tiny"]) == 1
    assert "DL634" in capsys.readouterr().err
