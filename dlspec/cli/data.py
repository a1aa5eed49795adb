"""``dlspec data``: list, fetch, verify and show data sets."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlspec.data.dataset import Splits

EPILOG = """\
examples:
  dlspec data list                       what there is
  dlspec data fetch mnist                into the cache, once
  dlspec data show mnist                 counts, statistics, examples
  dlspec data show specs/lenet.dl        the data of a spec's recipe
  dlspec data show points.csv            the same of a file of one's own
  dlspec data show mnist --picture m.png a contact sheet
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],  # pyright: ignore[reportPrivateUsage]
) -> None:
    """Adds the verb and its own verbs."""
    parser = subparsers.add_parser(
        "data",
        help="list, fetch, verify and show data sets",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="data_verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="the data sets and sources that there are")
    fetch = verbs.add_parser("fetch", help="fetch data sets into the cache")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="such as mnist")
    fetch.add_argument("--again", action="store_true", help="replace what is cached")
    verify = verbs.add_parser("verify", help="compare cached files with their checksums")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are cached")
    show = verbs.add_parser("show", help="counts, statistics and examples")
    show.add_argument("what", help="a data set, a spec, a .npz, a .csv, or a folder of pictures")
    show.add_argument("--picture", type=Path, metavar="PNG", help="also write a contact sheet")
    verbs.add_parser("where", help="print the cache folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carries the verb out; mistakes are `DlspecError`. Returns the exit status."""
    if args.data_verb == "list":
        return _list()
    if args.data_verb == "fetch":
        return _fetch(args.names, args.again)
    if args.data_verb == "verify":
        return _verify(args.names)
    if args.data_verb == "where":
        from dlspec.data.cache import data_folder

        print(data_folder())
        return 0
    return _show(args.what, args.picture)


def _list() -> int:
    from dlspec.data.fetch import is_cached
    from dlspec.data.packages import PACKAGES
    from dlspec.ir.data_plan import SOURCES

    print("Data sets")
    for package in PACKAGES.values():
        train, test = package.examples
        state = "cached" if is_cached(package) else f"fetched on first use, {package.megabytes} MB"
        print(_described(package.name, package.doc))
        print(f"  {'':<14} {train:,} to train, {test:,} to test; {state}")
        for spec in package.spec.split():
            print(f"  {'':<14} {package.client}: {spec}")
        indent = " " * 17
        print(
            textwrap.fill(
                f"licence: {package.licence}", 80, initial_indent=indent, subsequent_indent=indent
            )
        )
    print("\nDrawn, or made of the above")
    for schema in SOURCES.values():
        if not schema.reads_files and schema.name not in PACKAGES:
            print(_described(schema.name, schema.doc))
    print("\nFiles of one's own")
    for schema in SOURCES.values():
        if schema.reads_files:
            settings = ", ".join(
                s.name if s.required else f"{s.name} = {_value(s.default)}" for s in schema.settings
            )
            print(_described(schema.name, schema.doc))
            print(f"  {'':<14} {schema.name}({settings})")
    return 0


def _described(name: str, doc: str) -> str:
    """A name, and beside it what it is."""
    return textwrap.fill(
        doc, 80, initial_indent=f"  {name:<14} ", subsequent_indent=" " * 17, break_on_hyphens=False
    )


def _value(default: object) -> str:
    if default is None:
        return "…" if _unicode() else "..."
    return f'"{default}"' if isinstance(default, str) else str(default)


def _fetch(names: list[str], again: bool) -> int:
    from dlspec.data.fetch import fetch, package_named, verify

    for package in [package_named(name) for name in names]:
        fetch(package, again=again)
        print(f"{package.name}: {verify(package)}")
    return 0


def _verify(names: list[str]) -> int:
    from dlspec.data.fetch import is_cached, package_named, verify
    from dlspec.data.packages import PACKAGES

    chosen = [package_named(name) for name in names] if names else list(PACKAGES.values())
    present = chosen if names else [package for package in chosen if is_cached(package)]
    for package in present:
        folder = verify(package)
        size = sum((folder / file.name).stat().st_size for file in package.files)
        print(f"{package.name}: {len(package.files)} files, {size:,} bytes, SHA-256 as recorded")
    if not present:
        print("nothing is cached")
    return 0


def _show(what: str, picture: Path | None) -> int:
    from dlspec.data.describe import picture_field, summary, write_contact_sheet
    from dlspec.diagnostics import DlspecError
    from dlspec.diagnostics.data import NothingToLookAt

    title, splits = _opened(what)
    if picture is not None and picture_field(splits.train) is None:
        raise DlspecError(NothingToLookAt(None, what))
    print(f"{title}\n")
    print("\n".join(summary(splits, unicode=_unicode())))
    if picture is not None:
        write_contact_sheet(splits.train, picture)
        print(f"contact sheet: {picture}")
    return 0


def _opened(what: str) -> tuple[str, Splits]:
    """What there is under a name: a data set, else a file or a folder."""
    from dlspec.data.fetch import package_named
    from dlspec.data.opening import open_source
    from dlspec.ir.data_plan import SOURCES

    path = Path(what)
    if path.suffix == ".dl":
        return _of_spec(path)
    schema = SOURCES.get(what)
    if schema is None or schema.reads_files:
        if not (path.exists() or path.suffix in (".npz", ".csv")):
            package_named(what)  # says which there are
    else:
        return f"{what}: {schema.doc}", open_source(what)
    kind, setting = "images", "folder"
    if not path.is_dir():
        kind, setting = ("npz" if path.suffix == ".npz" else "csv"), "file"
    # The user's own word, not a spec's: the folder that may not be left is the one named here.
    folder = path.absolute().parent
    splits = open_source(kind, {setting: path.absolute().name}, folder=folder)
    return f"{what}: {SOURCES[kind].doc}", splits


def _of_spec(path: Path) -> tuple[str, Splits]:
    """The data of a spec's recipe."""
    from dlspec.driver import open_spec
    from dlspec.driver.training import open_splits

    compilation = open_spec(path)
    recipe = compilation.recipe()
    return f"{path}: the data of recipe {recipe.name}", open_splits(compilation, recipe)


def _unicode() -> bool:
    """Whether the output can hold Braille characters and bars."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "⣿█…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
