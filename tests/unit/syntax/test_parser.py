"""What text means as a tree: precedence, lines, soft keywords, recovery."""

from __future__ import annotations

import pytest

from dlspec.diagnostics import Sink
from dlspec.source import SourceFile
from dlspec.syntax import ast, parse


def read(text: str) -> tuple[ast.File, list[str]]:
    sink = Sink()
    file = parse(SourceFile("a.dl", text), sink)
    return file, [d.code for d in sink.diagnostics]


def expression(text: str) -> str:
    """An expression with all its brackets."""
    file, codes = read(f"const a = {text}\n")
    assert codes == []
    (const,) = file.items
    assert isinstance(const, ast.Const)
    return show(const.value)


def show(e: object) -> str:
    match e:
        case ast.Binary():
            return f"({show(e.left)} {e.op} {show(e.right)})"
        case ast.Unary():
            return f"({e.op} {show(e.operand)})"
        case ast.Pipe():
            return f"({show(e.value)} -> {show(e.function)}{f' as {e.alias}' if e.alias else ''})"
        case ast.Call():
            given = (f"{a.name}={show(a.value)}" if a.name else show(a.value) for a in e.arguments)
            return f"{show(e.function)}({', '.join(given)})"
        case ast.Attribute():
            return f"{show(e.object)}.{e.name}"
        case ast.Index():
            return f"{show(e.object)}[{', '.join(map(show, e.items))}]"
        case ast.Slice():
            start, stop = ("" if end is None else show(end) for end in (e.start, e.stop))
            return f"{start}:{stop}"
        case ast.Quantity():
            return f"{e.text} {e.unit}"
        case ast.List() | ast.Tuple():
            return f"{type(e).__name__}({', '.join(map(show, e.items))})"
        case ast.Name() | ast.Primed():
            return e.id
        case ast.Number():
            return repr(e.value)
        case ast.String():
            return repr(e.value)
        case ast.Bool():
            return repr(e.value)
        case _:
            raise TypeError(type(e))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a + b -> f", "((a + b) -> f)"),
        ("x -> f -> g(1)", "((x -> f) -> g(1))"),
        ("x -> f as y -> g", "((x -> f as y) -> g)"),
        ("-x ** 2", "(- (x ** 2))"),
        ("2 ** -x", "(2 ** (- x))"),
        ("2 ** 3 ** 2", "(2 ** (3 ** 2))"),
        ("a - b - c", "((a - b) - c)"),
        ("a // b * c % d", "(((a // b) * c) % d)"),
        ("0..n - 1", "(0 .. (n - 1))"),
        ("not a and b or c", "(((not a) and b) or c)"),
        ("a != b and c <= d", "((a != b) and (c <= d))"),
        ("f(x).y[0, 1:, :-1]", "f(x).y[0, 1:, :(- 1)]"),
        ("f(1, from = 2,)", "f(1, from=2)"),
        ("(1, 2)", "Tuple(1, 2)"),
        ("[[1], []]", "List(List(1), List())"),
        ("20 epochs", "20 epochs"),
        ("98.5%", "0.985"),
        ("10%k", "(10 % k)"),
        ("10 % k", "(10 % k)"),
        ("2e-4", "0.0002"),
        ('"a b"', "'a b'"),
        ("true", "True"),
        ("step(0.1)", "step(0.1)"),
    ],
)
def test_expressions(text: str, meaning: str) -> None:
    assert expression(text) == meaning


@pytest.mark.parametrize(
    "body",
    [
        "y = f(\n  x,\n\n  # why\n  k = 1\n)",
        "y = x # first\n  # between\n\n  -> f\n  -> g",
        "a,\n b = x, y",
        "minimize l\n over n with adam(1),\n  m\n with sgd(2)",
        "if a { y = x } \n else { y = z }",
        "a = 1; b = 2;\n c = 3",
        "a = 1;\n\n\n",
        "y = x\n when training",
        "\r\n y = x\r\n -> f\r\n",
    ],
)
def test_lines_that_go_on(body: str) -> None:
    assert read(f"block b(x) {{ {body} }}")[1] == []


@pytest.mark.parametrize("body", ["y = x +\n z", "y\n = x", "a = 1 b = 2", "y = x ->\n 3 + f"])
def test_lines_that_end(body: str) -> None:
    assert read(f"block b(x) {{ {body} }}")[1] != []


SOFT = [
    "network",
    "block",
    "cell",
    "data",
    "recipe",
    "engine",
    "experiment",
    "check",
    "import",
    "const",
    "as",
    "of",
    "from",
    "on",
    "runs",
    "in",
    "within",
    "and",
    "or",
]


@pytest.mark.parametrize("word", SOFT)
def test_soft_words_are_names_in_bodies(word: str) -> None:
    file, codes = read(f"block b(x) {{\n {word} = x\n y = f({word} = 1).{word}\n }}")
    assert codes == []
    (block,) = file.items
    assert isinstance(block, ast.Definition)
    first = block.body[0]
    assert isinstance(first, ast.Assign) and first.targets[0].name == word


def test_inputs_and_settings() -> None:
    file, _ = read("block b(x: float[N]; k = 1) { }\nblock c(x, y) { }\ncell d(u, v) { }")
    kinds = [
        ([p.name for p in d.inputs], [p.name for p in d.settings])
        for d in file.items
        if isinstance(d, ast.Definition)
    ]
    assert kinds == [(["x"], ["k"]), (["x", "y"], []), ([], ["u", "v"])]


def test_goal_parts() -> None:
    file, _ = read("recipe r for n { maximize s over a, b.c with adam(1) for 40 steps }")
    (recipe,) = file.items
    assert isinstance(recipe, ast.Recipe)
    (goal,) = recipe.body
    assert isinstance(goal, ast.Goal)
    assert (goal.sense, len(goal.over), goal.optimizer) == ("maximize", 2, None)
    assert [g.optimizer is None for g in goal.over] == [True, False]
    assert goal.duration is not None and show(goal.duration) == "40 steps"


def test_else_if() -> None:
    file, _ = read("block b(x) { if a { y = 1 } else if c { y = 2 } else { y = 3 } }")
    (block,) = file.items
    assert isinstance(block, ast.Definition)
    (outer,) = block.body
    assert isinstance(outer, ast.If)
    (inner,) = outer.orelse
    assert isinstance(inner, ast.If) and len(inner.orelse) == 1


def test_goes_on_after_mistakes() -> None:
    file, codes = read(
        "network a {\n  input x = 3\n  y = x -> + 2\n  output z\n}\n"
        "nonsense here\n"
        "network b { output x }\n"
    )
    assert len(codes) == 3
    names = [d.name for d in file.items if isinstance(d, ast.Definition)]
    assert names == ["a", "b"]
    first = file.items[0]
    assert isinstance(first, ast.Definition) and isinstance(first.body[-1], ast.Output)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", " \t", "\ufeffconst a = 1"])
def test_little_files(text: str) -> None:
    assert read(text)[1] == []
