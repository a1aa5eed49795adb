"""Where the parser stood when something fitted nowhere, and how to say what would have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dlspec.source import SourceFile, Span
from dlspec.syntax.lexer import END, NEWLINE, Token

ITEM_WORDS = frozenset(
    [
        "import",
        "const",
        "network",
        "block",
        "cell",
        "data",
        "recipe",
        "engine",
        "experiment",
        "check",
    ]
)
"""What a definition begins with."""

FORMS = {
    "import": '`import "vgg.dl"`',
    "const": "`const rows = 128`",
    "network": "`network name(setting = 1) { … }`",
    "block": "`block name(input; setting = 1) { … }`",
    "cell": "`cell name(setting) { … }`",
    "data": "`data name(setting = 1) { … }` or `data name = mnist()`",
    "recipe": "`recipe name(setting = 1) for network on data { … }`",
    "engine": "`engine name for recipe { … }`",
    "experiment": "`experiment name runs recipe { … }`",
    "check": "`check net(image = zeros(1, 28, 28)).logits : [1, 10]` or `check a == b within 0.1`",
    "input": "`input name: float[N, 2]`",
    "output": "`output name` or `output name: float[N, 2] = value`",
    "state": "`state name: float[N, 2] = 0`",
    "param": "`param name: float[2] = zeros`",
    "noise": "`noise name: float[N, 2] ~ normal(0, 1)`",
    "return": "`return value`",
    "minimize": "`minimize loss over layers with adam(0.001) for 200 steps`",
    "maximize": "`maximize score over layers with adam(0.001) for 200 steps`",
    "load": '`load network.layer from "build/other"`',
    "for": "`for i in 1..3 { … }`",
    "if": "`if condition { … } else { … }`",
    "step": "`step name { … }`",
    "stage": "`stage name { … }`",
}
"""How each statement and definition is written, by its first word."""

STATEMENT_WORDS = frozenset(FORMS) - ITEM_WORDS

_SIGNS = {
    "LBRACE": "{", "RBRACE": "}", "LPAR": "(", "RPAR": ")", "RSQB": "]", "COLON": ":", "COMMA": ",",
    "EQUAL": "=", "TILDE": "~", "ARROW": "->", "SEMICOLON": ";",
}  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """Indices are into ``tokens``. ``head`` is where the statement begins, ``brackets`` and
    ``braces`` are the open ones, ``expected`` the terminals that would have fitted."""

    source: SourceFile
    tokens: list[Token]
    index: int
    head: int
    brackets: tuple[int, ...]
    braces: tuple[int, ...]
    expected: frozenset[str]

    @property
    def token(self) -> Token:
        """The token that fitted nowhere."""
        return self.tokens[self.index]

    @property
    def head_token(self) -> Token:
        """The first token of the statement."""
        return self.tokens[self.head]

    @cached_property
    def before(self) -> Token | None:
        """The token before it, newlines apart."""
        index = self.index - 1
        while index >= 0 and self.tokens[index].kind == NEWLINE:
            index -= 1
        return self.tokens[index] if index >= 0 else None

    def after(self, count: int = 1) -> Token:
        """A token behind it, newlines counted."""
        return self.tokens[min(self.index + count, len(self.tokens) - 1)]

    def span(self, first: Token, last: Token | None = None) -> Span:
        """The place of a token, or from one to another."""
        return Span(self.source, first.start, (last or first).end)

    @property
    def here(self) -> Span:
        """The place of the token that fitted nowhere."""
        return self.span(self.token)

    def indentation(self, token: Token) -> int:
        """How far the line of a token is indented."""
        line = self.source.line(self.source.position(token.start)[0])
        return len(line) - len(line.lstrip())

    def begins_line(self, token: Token) -> bool:
        """Whether a token is the first of its line."""
        line, column = self.source.position(token.start)
        return not self.source.line(line)[: column - 1].strip()

    @property
    def statement(self) -> list[Token]:
        """The tokens from the head to the one before the mistake."""
        return [t for t in self.tokens[self.head : self.index] if t.kind != NEWLINE]

    @property
    def level(self) -> list[Token]:
        """Of the statement, the tokens in the innermost open bracket and in no closed one."""
        begin = self.brackets[-1] + 1 if self.brackets else self.head
        kept: list[Token] = []
        depth = 0
        for token in self.tokens[begin : self.index]:
            depth -= token.kind in ("RPAR", "RSQB")
            if depth == 0 and token.kind not in ("RPAR", "RSQB", NEWLINE):
                kept.append(token)
            depth += token.kind in ("LPAR", "LSQB")
        for i in range(len(kept) - 1, -1, -1):
            if kept[i].kind in ("COMMA", "EQUAL"):
                return kept[i + 1 :]
        return kept


def found(token: Token) -> str:
    """What a token is called in a message."""
    if token.kind == NEWLINE:
        return "the end of the line"
    if token.kind == END:
        return "the end of the file"
    if token.kind == "STRING":
        return f"the string {token.text}" if len(token.text) < 40 else "a string"
    return f"the number `{token.text}`" if token.kind == "NUMBER" else f"`{token.text}`"


def expected(at: Situation) -> str:
    """What would have fitted, in words of a user."""
    want, before = at.expected, at.before
    parts: list[str] = []
    if {"NETWORK", "RECIPE"} <= want:
        return "a definition, such as `network name { … }`"
    if {"INPUT", "RETURN"} <= want:
        return "a statement, such as `y = relu(x)` or `output y`, or `}`"
    if "ELLIPSIS" in want:
        parts.append("a dimension, such as `768`, `N` or `<=T`")
    elif {"NUMBER", "NAME"} <= want:
        parts.append("a value, such as `x`, `0.5` or `f(x)`")
    elif "NAME" in want and before is not None and before.kind in ("COLON",):
        parts.append("a type, such as `float[N, 2]`")
    elif "NAME" in want and "NUMBER" not in want and "PLUS" not in want:
        parts.append("a name")
    if "STRING" in want and "NUMBER" not in want:
        parts.append('a string, such as `"vgg.dl"`')
    parts += [
        f"`{_SIGNS[kind]}`"
        for kind in _SIGNS
        if kind in want and kind not in ("ARROW", "SEMICOLON", "LPAR")
    ]
    if "LPAR" in want and "NUMBER" not in want and "PLUS" not in want:
        parts.append("`(`")
    words = ("FOR", "ON", "RUNS", "IN", "FROM", "WITHIN", "WHEN", "OVER", "WITH", "AS", "OF")
    if "PLUS" not in want or want & {"IN", "FROM", "RUNS"}:
        parts += [f"`{word.lower()}`" for word in words if word in want]
    if "PLUS" in want and "NUMBER" not in want:
        parts.append("an operator")
    if NEWLINE in want:
        parts.append("the end of the line")
    if not parts:
        parts = [f"`{kind.lower()}`" for kind in sorted(want)]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"
