"""Sentences in two languages, from the descriptions of a Debian's packages and their translations.

The translators of Debian (and Ubuntu) write what each package is, in one line and a longer text;
apt publishes both languages. The lists change with every release of the distribution, so what the
first fetch makes of them is what counts: tables of pairs, whose checksums are recorded beside them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dlspec.data.cache import data_folder
from dlspec.data.packages import Package
from dlspec.diagnostics import DlspecError
from dlspec.diagnostics.data import FetchFailed, NoClient

KEPT_OUT = ("Packages", "DEP-11", "Contents-deb", "icons")
"""Lists that apt would fetch too."""
_FIELD = re.compile(r"^Description-([\w-]+): (.*)$", re.MULTILINE)


def apt_command(package: Package, folder: Path) -> list[str]:
    """The command that fetches the lists that the package's ``spec`` names (languages) into
    ``folder/lists``, without rights and without changing the machine's own.

    Raises:
        DlspecError: DL615 where there is no apt.
    """
    apt = shutil.which("apt-get")
    if apt is None:
        how = (
            f"run `dlspec data fetch {package.name}` on a Debian or Ubuntu, in a container for "
            f"example, and copy {data_folder() / package.name} from there"
        )
        raise DlspecError(NoClient(None, package.name, "apt-get (not on PATH)", how))
    for place in ("lists", "cache"):
        (folder / place / "partial").mkdir(parents=True)
    # A file that is read last: a machine may have set its languages to "none", which wins over
    # options of the command line.
    spoken = " ".join(f'"{language}";' for language in languages(package))
    lines = [
        f'Dir::State::lists "{folder / "lists"}";',
        f'Dir::Cache "{folder / "cache"}";',
        'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";',
        "#clear Acquire::Languages;",
        f"Acquire::Languages {{ {spoken} }};",
        'Acquire::GzipIndexes "false";',
        'APT::Sandbox::User "root";',
        *(f'Acquire::IndexTargets::deb::{kind}::DefaultEnabled "false";' for kind in KEPT_OUT),
    ]
    settings = folder / "apt.conf"
    settings.write_text("\n".join(lines) + "\n", "utf-8")
    return [apt, "-q", "-c", str(settings), "update"]


def languages(package: Package) -> list[str]:
    """English, which the others are translated from, and those that the files are named after."""
    return ["en", *(Path(file.member).stem for file in package.files)]


def make_tables(package: Package, folder: Path) -> None:
    """Makes the package's files, ``fr.tsv`` and such, out of the lists in ``folder/lists``."""
    lists = folder / "lists"
    for file in package.files:
        pairs = paired(lists, Path(file.member).stem)
        if not pairs:
            reason = f"no Translation-{Path(file.member).stem} came from this machine's sources"
            again = f"dlspec data fetch {package.name}"
            raise DlspecError(FetchFailed(None, package.name, "apt-get", reason, again))
        text = "".join(f"{english}\t{other}\n" for english, other in pairs)
        with (folder / file.member).open("w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())


def paired(lists: Path, language: str) -> list[tuple[str, str]]:
    """Every English line that has a translation, with the one that most packages give it, in the
    order of the English lines."""
    english = dict(_lines(lists, "en"))
    found: dict[str, Counter[str]] = {}
    for key, other in _lines(lists, language):
        line = english.get(key)
        if line is not None and line != other:
            found.setdefault(line, Counter())[other] += 1
    return [(line, min(said, key=lambda o: (-said[o], o))) for line, said in sorted(found.items())]


def _lines(lists: Path, language: str) -> Iterator[tuple[str, str]]:
    """The checksum of each description and its first line in a language."""
    for path in sorted(lists.glob(f"*_Translation-{language}")):
        for stanza in path.read_text("utf-8", "replace").split("\n\n"):
            fields = dict(_FIELD.findall(stanza))
            line = " ".join(fields.get(language, "").split())
            if line and "md5" in fields:
                yield fields["md5"], line
