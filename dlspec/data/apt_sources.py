"""Source packages from apt: the upstream archive alone, with package lists of our own.

Machines seldom have the lists of sources, so they are fetched aside (about 10 MB, forgotten
afterwards) for the very distributions that the machine's binaries come from; this needs no rights.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from dlspec.data.packages import Package
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import NoClient

Run = Callable[[list[str]], list[str]]
"""Runs a command in the package's folder and returns the lines it said."""


def deliver_source(package: Package, folder: Path, run: Run, cached: Path) -> None:
    """Leaves the upstream archive of the source package ``package.spec`` in ``folder``.

    Raises:
        DlspecError: DL615 where there is no apt; what ``run`` raises.
    """
    if shutil.which("apt-get") is None:
        how = (
            f"run `dlspec data fetch {package.name}` on a Debian or Ubuntu, in a container for "
            f"example, and copy {cached} from there"
        )
        raise DlspecError(NoClient(None, package.name, "apt-get (not on PATH)", how))
    for kind in ("lists", "cache"):
        (folder / kind / "partial").mkdir(parents=True)
    origin = "deb-src $(SITE) $(RELEASE) $(COMPONENT)"
    targets = ["apt-get", "indextargets", "--no-release-info", "--format", origin]
    lines = run([*targets, "Created-By: Packages"])
    wanted = sorted({line for line in lines if line.startswith("deb-src ")})
    (folder / "sources.list").write_text("\n".join(wanted) + "\n", "utf-8")
    apt = ["apt-get", "-q"]
    for option in (
        f"Dir::State::lists={folder / 'lists'}",
        f"Dir::Cache={folder / 'cache'}",
        f"Dir::Etc::sourcelist={folder / 'sources.list'}",
        "Dir::Etc::sourceparts=-",
        "APT::Sandbox::User=root",
    ):
        apt += ["-o", option]
    run([*apt, "update"])
    run([*apt, "source", "--tar-only", "--download-only", package.spec])
