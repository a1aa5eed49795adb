"""pip as a client: wheels and source archives, none of whose scripts runs."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from dlspec.data import clients
from dlspec.data.clients import deliver
from dlspec.data.packages import Package, PackagedFile
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import FetchFailed, NoClient


def _package(client: str, spec: str, *members: str) -> Package:
    assert client in ("pip", "pip-source")
    files = tuple(PackagedFile(Path(m).name, m, None, None) for m in members)
    return Package("addresses", client, spec, 0.1, (1, 1), "", files)  # pyright: ignore


def _silent(_: str) -> None:
    pass


def test_only_wanted_members_of_a_wheel_are_unpacked(tmp_path: Path) -> None:
    member = "home_assistant_intents/data/en.json"
    deliver(_package("pip", "home-assistant-intents==2026.10.27", member), tmp_path, _silent)
    assert json.loads((tmp_path / member).read_bytes())["language"] == "en"
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(p.suffix for p in files) == [".json", ".whl"]


def test_a_source_archive_comes_without_its_build_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Archives of our own, whose build script would leave a trace: two versions of one name."""
    shelf, folder = tmp_path / "shelf", tmp_path / "folder"
    shelf.mkdir()
    folder.mkdir()
    for version in ("1.0", "1.1"):
        _archive(shelf, f"quietly-{version}", tmp_path / "ran", f"this is {version}")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    wanted = "quietly-1.0/data.txt"
    deliver(_package("pip-source", "quietly==1.0", wanted), folder, _silent)
    assert (folder / wanted).read_text("utf-8") == "this is 1.0"
    assert not (tmp_path / "ran").exists()
    assert not (folder / "quietly-1.0" / "setup.py").exists()


def test_a_version_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DlspecError, match=r"no source archive of quietly==9\.9") as caught:
        deliver(_package("pip-source", "quietly==9.9", "x"), tmp_path, _silent)
    assert isinstance(caught.value.diagnostics[0], FetchFailed)


def test_a_damaged_archive_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, folder = tmp_path / "shelf", tmp_path / "folder"
    shelf.mkdir()
    folder.mkdir()
    _archive(shelf, "quietly-1.0", tmp_path / "ran", "whole")
    path = shelf / "quietly-1.0.tar.gz"
    path.write_bytes(path.read_bytes()[:100])
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DlspecError, match="a damaged archive") as caught:
        deliver(_package("pip-source", "quietly==1.0", "quietly-1.0/data.txt"), folder, _silent)
    assert isinstance(caught.value.diagnostics[0], FetchFailed)


def test_without_pip_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setattr(clients.importlib.util, "find_spec", lambda name: None)  # pyright: ignore
    with pytest.raises(DlspecError, match="ensurepip") as caught:
        deliver(_package("pip", "home-assistant-intents==2026.10.27"), tmp_path, _silent)
    assert isinstance(caught.value.diagnostics[0], NoClient)


def _archive(shelf: Path, stem: str, trace: Path, text: str) -> None:
    files = {
        "setup.py": f"open({str(trace)!r}, 'w').close()\n",
        "PKG-INFO": f"Metadata-Version: 2.1\nName: quietly\nVersion: {stem.split('-')[1]}\n",
        "data.txt": text,
    }
    with tarfile.open(shelf / f"{stem}.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{stem}/{name}")
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
