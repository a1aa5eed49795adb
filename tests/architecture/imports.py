"""The imports of the package, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dlspec"


@dataclass(frozen=True)
class Import:
    """``module`` imports ``name``, at a line; ``late`` inside a function."""

    module: str
    name: str
    line: int
    late: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    """Every module of the package, by name."""
    return {module_name(p): p for p in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path) -> Iterator[Import]:
    """What a file imports when it runs; what stands under ``if TYPE_CHECKING`` never runs.

    A `LateModule` is an import too, at its first use.
    """
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    yield from _walk(ast.parse(path.read_text("utf-8")).body, module, package, late=False)


def _walk(body: list[ast.stmt], module: str, package: str, late: bool) -> Iterator[Import]:
    for node in body:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield Import(module, alias.name, node.lineno, late)
            case ast.ImportFrom(module=name, names=names, level=level):
                base = name or ""
                if level:
                    above = package.split(".")[: len(package.split(".")) - level + 1]
                    base = ".".join([*above, *([name] if name else [])])
                for alias in names:
                    yield Import(module, f"{base}.{alias.name}", node.lineno, late)
            case ast.If(test=test, body=then, orelse=other):
                if not _is_type_checking(test):
                    yield from _walk(then, module, package, late)
                yield from _walk(other, module, package, late)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _walk(node.body, module, package, late=True)
            case _:
                yield from _late_modules(node, module)
                for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                    inner = getattr(node, name, [])
                    for child in inner:
                        if isinstance(child, ast.stmt):
                            yield from _walk([child], module, package, late)
                        elif hasattr(child, "body"):
                            yield from _walk(child.body, module, package, late)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _late_modules(node: ast.stmt, module: str) -> Iterator[Import]:
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return
    call = node.value
    if ast.unparse(call.func) == "LateModule" and isinstance(call.args[0], ast.Constant):
        yield Import(module, str(call.args[0].value), node.lineno, late=True)
