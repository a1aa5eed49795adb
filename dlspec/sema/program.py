"""A spec's file-level names: its own definitions, what it imports, and the library."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlspec.diagnostics import DlspecError, Sink, did_you_mean
from dlspec.diagnostics.names import ImportFailed, Redefined
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast, parse
from dlspec.syntax.damage import Damage

MAX_IMPORTS = 64


def library_folder() -> Path:
    """Where the standard blocks are: in the wheel beside the package's modules, in a checkout at
    the top level.
    """
    package = Path(__file__).resolve().parent.parent
    installed = package / "_specs" / "library"
    return installed if installed.is_dir() else package.parent / "specs" / "library"


@dataclass
class Program:
    """One file with its imports resolved. ``definitions`` are by name; ``folder`` is None for a
    text without a place on disk,
    which can import from the library only."""

    source: SourceFile
    folder: Path | None
    file: ast.File
    definitions: dict[str, ast.Definition | ast.Const | ast.Data | ast.Recipe] = field(
        default_factory=dict[str, Any]
    )
    imported: dict[str, Program] = field(default_factory=dict[str, "Program"])
    engines: list[ast.Engine] = field(default_factory=list[ast.Engine])
    experiments: list[ast.Experiment] = field(default_factory=list[ast.Experiment])
    checks: list[ast.Check] = field(default_factory=list[ast.Check])
    constants: dict[str, Any] = field(default_factory=dict[str, Any])
    given: dict[str, ast.Expr] = field(default_factory=dict[str, ast.Expr])
    """Settings of `data` definitions that come from outside, as `points.size`."""
    working: set[str] = field(default_factory=set[str])
    failed: set[str] = field(default_factory=set[str])
    places: dict[str, Span] = field(default_factory=dict[str, Span])
    homes: dict[int, Program] = field(default_factory=dict[int, "Program"])

    def home(self, definition: ast.Definition) -> Program:
        """The file of a definition: its body reads that file's names."""
        return self.homes.get(id(definition)) or library_program()

    def of_kind(self, kind: type[Any]) -> list[Any]:
        """The file's own definitions of one kind, in order."""
        return [d for d in self.definitions.values() if isinstance(d, kind)]

    @property
    def networks(self) -> list[ast.Definition]:
        """The file's own networks, in order."""
        return [d for d in self.of_kind(ast.Definition) if d.kind == "network"]


class Loader:
    """Parses files once each, and stops cycles and floods of imports."""

    def __init__(self, sink: Sink, root: Path | None) -> None:
        self.sink = sink
        self.root = root.resolve() if root else None
        self.programs: dict[Path, Program] = {}
        self.open: list[Path] = []
        self.homes: dict[int, Program] = {}
        self.damage = Damage()

    def load(self, source: SourceFile, folder: Path | None) -> Program:
        """The program of a source text."""
        damage = Damage()
        program = Program(source, folder, parse(source, self.sink, damage), homes=self.homes)
        self.damage.names |= damage.names
        self.damage.whole = self.damage.whole or damage.whole
        for item in program.file.items:
            if damage.within(item.span):
                continue  # nothing is said of what follows from a statement that is not known
            self.homes[id(item)] = program
            self._add(program, item)
        return program

    def _add(self, program: Program, item: ast.Item) -> None:
        if isinstance(item, ast.Import):
            try:
                self._import(program, item)
            except DlspecError as error:
                for diagnostic in error.diagnostics:
                    self.sink.report(diagnostic)
        elif isinstance(item, ast.Check):
            program.checks.append(item)
        else:
            first = program.places.setdefault(item.name, item.name_span)
            if first is not item.name_span:
                self.sink.report(Redefined(item.name_span, item.name, first))
            elif isinstance(item, ast.Engine):
                program.engines.append(item)
            elif isinstance(item, ast.Experiment):
                program.experiments.append(item)
            else:
                program.definitions[item.name] = item

    def _import(self, program: Program, item: ast.Import) -> None:
        def fail(reason: str, advice: str | None = None) -> DlspecError:
            return DlspecError(ImportFailed(item.path_span, item.path, reason, advice))

        try:
            path, inside = self._locate(program, item.path)
            exists = path is not None and path.is_file()
        except (OSError, ValueError):  # too long, or with characters that no file can have
            raise fail("this cannot be the name of a file") from None
        if path is None:
            raise fail(
                "it leaves the spec's folder"
                if not inside
                else "a text without a folder imports from the library only",
                "copy the file beside the spec",
            )
        if not exists:
            raise fail("there is no such file", _near(path, item.path))
        if path in self.open:
            raise fail("it imports this file")
        if len(self.programs) >= MAX_IMPORTS:
            raise fail(f"more than {MAX_IMPORTS} files")
        found = self.programs.get(path)
        if found is None:
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise fail(f"it cannot be read ({error})") from None
            self.open.append(path)
            try:
                found = self.load(SourceFile(item.path, text), path.parent)
            finally:
                self.open.pop()
            self.programs[path] = found
        if item.alias:
            program.imported[item.alias] = found
            return
        for name, definition in found.definitions.items():
            program.definitions.setdefault(name, definition)

    def _locate(self, program: Program, text: str) -> tuple[Path | None, bool]:
        """The path, and whether it stays inside; a library file is `library/….dl`."""
        if text.startswith("library/"):
            path = (library_folder() / text.removeprefix("library/")).resolve()
            return (
                (path, True) if path.is_relative_to(library_folder().resolve()) else (None, False)
            )
        if program.folder is None or self.root is None:
            return None, True
        path = (program.folder / text).resolve()
        return (path, True) if path.is_relative_to(self.root) else (None, False)


def _near(path: Path, written: str) -> str | None:
    """What stands beside a file that is missing."""
    here = sorted(p.name for p in path.parent.glob("*.dl")) if path.parent.is_dir() else []
    folder = written.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    near = did_you_mean(path.name, here)
    if near is not None:
        return f"did you mean `{prefix}{near}`?"
    return f"there are {', '.join(prefix + name for name in here[:8])}" if here else None


@lru_cache(maxsize=1)
def library() -> dict[str, ast.Definition]:
    """The standard blocks by name, read once; a mistake in them is a bug of the package."""
    sink = Sink()
    found: dict[str, ast.Definition] = {}
    for path in sorted(library_folder().glob("*.dl")):
        file = parse(SourceFile(f"library/{path.name}", path.read_text(encoding="utf-8")), sink)
        found |= {i.name: i for i in file.items if isinstance(i, ast.Definition)}
    sink.raise_if_errors()
    return found


@lru_cache(maxsize=1)
def library_program() -> Program:
    """The library as a file of its own."""
    source = SourceFile("library", "")
    program = Program(source, None, ast.File(Span(source, 0, 0), ()))
    program.definitions.update(library())
    program.homes.update({id(d): program for d in library().values()})
    return program


def root_name(
    program: Program, name: str
) -> ast.Definition | ast.Const | ast.Data | ast.Recipe | None:
    """What a name means at file level; the nearest wins: file, then library."""
    return program.definitions.get(name) or library().get(name)
