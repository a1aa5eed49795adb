"""The parser: an LALR(1) automaton over a precompiled table, with recovery.

After a mistake the parser goes on at the next statement or definition, so one run tells them all.
It is a loop, not a recursion: no input makes it run out of stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlspec.diagnostics.core import Diagnostic, DlspecError, Sink
from dlspec.source import SourceFile, Span
from dlspec.syntax import ast
from dlspec.syntax.builder import BUILDERS, place
from dlspec.syntax.damage import Damage
from dlspec.syntax.lexer import CONTINUING, END, NEWLINE, OPENING, Token, next_visible, tokenize
from dlspec.syntax.table import Rule, Table, load_table

if TYPE_CHECKING:
    from dlspec.syntax.situation import Situation

# What only a mistake needs is imported when there is one: most specs have none, and it takes time.

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 150
"""Levels of syntax inside each other; whatever walks the tree may recurse this far."""
MAX_ERRORS = 20


def parse(source: SourceFile, sink: Sink, damage: Damage | None = None) -> ast.File:
    """Parse a spec. Mistakes go to ``sink``; the file holds what could be read.

    ``damage`` collects which definitions could not be read whole.
    """
    damage = Damage() if damage is None else damage
    if len(source.text) > MAX_CHARACTERS:
        from dlspec.diagnostics.syntax import TooLong

        at = Span(source, 0, 0)
        sink.report(TooLong(at, characters=len(source.text), limit=MAX_CHARACTERS))
        damage.whole = True
        return ast.File(at, ())
    parser = _Parser(source, sink)
    file = parser.run()
    if parser.lost:
        _assess(parser, file, damage)
    return file


def _assess(parser: _Parser, file: ast.File, damage: Damage) -> None:
    """Which definitions were given up in part or whole."""
    damage.places += parser.lost
    damage.whole = damage.whole or parser.errors >= MAX_ERRORS or not file.items
    for lost in parser.lost:
        item = next((i for i in file.items if i.span.start <= lost < i.span.end), None)
        if item is not None:
            name = getattr(item, "name", None)
            damage.names |= {name} if name else set()
            continue
        index = next((i for i, t in enumerate(parser.tokens) if t.start >= lost), 0)
        head, after = parser.tokens[index], parser.tokens[min(index + 1, len(parser.tokens) - 1)]
        damage.names |= {t.text for t in (head, after) if t.kind == "NAME"}
        damage.whole = damage.whole or head.text == "import"


class _Unexpected(Exception):
    """The token at hand fits nowhere; caught where recovery begins."""


class _Parser:
    """The stacks of the automaton: states, values, their places and depths run in parallel."""

    def __init__(self, source: SourceFile, sink: Sink) -> None:
        self.source = source
        self.sink = sink
        self.table: Table = load_table()
        self.tokens = tokenize(source.text)
        self.index = 0
        self.states = [self.table.start]
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.depths: list[int] = []
        self.brackets: list[int] = []
        self.braces: list[int] = []
        self.head = 0
        self.after = NEWLINE
        self.errors = 0
        self.failed_at = -1
        self.lost: list[int] = []
        self.told_words: set[str] = set()
        self.building = 0

    def run(self) -> ast.File:
        """Feed every token; what is left on the stack at the end is the file."""
        while True:
            token = self.tokens[self.index]
            if token.kind == NEWLINE and not self._ends_statement():
                self.index += 1
                continue
            if token.text in _PEER_WORDS and token.kind == "NAME":
                token = self._peer_word(token)
            try:
                file = self._feed(token)
            except _Unexpected:
                self._recover(None)
            except DlspecError as error:
                self._recover(error)
            else:
                if file is not None:
                    return file
                if token.kind != END:
                    self._passed(token)
                    self.index += 1
            if self.errors >= MAX_ERRORS:
                from dlspec.diagnostics.syntax import TooManyErrors

                self.sink.report(TooManyErrors(self._at(self.index), count=self.errors))
                return self._finish()

    # --- lines and brackets --------------------------------------------------------------------

    def _ends_statement(self) -> bool:
        if self.brackets or self.after in ("COMMA", NEWLINE):
            return False
        return next_visible(self.tokens, self.index).text not in CONTINUING

    def _at_head(self) -> bool:
        return self.after in _HEADS and not self.brackets

    def _passed(self, token: Token) -> None:
        """Keep count of brackets, and of where statements begin."""
        if self._at_head():
            self.head = self.index
        self.after = token.kind
        if token.kind in OPENING:
            self.brackets.append(self.index)
        elif token.kind in ("RPAR", "RSQB"):
            if self.brackets:
                self.brackets.pop()
        elif token.kind == "LBRACE":
            self.braces.append(self.index)
        elif token.kind == "RBRACE" and self.braces:
            self.braces.pop()

    # --- the automaton -------------------------------------------------------------------------

    def _symbol(self, token: Token) -> str:
        """The terminal that a token is here: a word is a keyword where one fits."""
        if token.kind == "NAME":
            word = self.table.words.get(token.text)
            if word is not None and self._fits(word):
                return word
        return token.kind

    def _feed(self, token: Token) -> ast.File | None:
        table_states, rules = self.table.states, self.table.rules
        symbol = self._symbol(token)
        while True:
            action = table_states[self.states[-1]].get(symbol)
            if action is None:
                raise _Unexpected
            if action >= 0:
                self._push(action, token, token.start, token.end, 0)
                return None
            rule = rules[-action - 1]
            self._reduce(rule)
            if symbol == END and self.states[-1] == self.table.end:
                return self.values[-1]

    def _push(self, state: int, value: Any, start: int, end: int, depth: int) -> None:
        self.states.append(state)
        self.values.append(value)
        self.starts.append(start)
        self.ends.append(end)
        self.depths.append(depth)

    def _reduce(self, rule: Rule) -> None:
        length = rule.length
        if length:
            children, depths = self.values[-length:], self.depths[-length:]
            start, end, depth = self.starts[-length], self.ends[-1], max(depths)
        else:
            children, start, end, depth = [], 0, len(self.source.text), 0
        if rule.action == "?":
            value = children[rule.shape[0][0]]
        else:
            kept: list[Any] = []
            for i, splice, nones in rule.shape:
                if nones:
                    kept.extend([None] * nones)
                if splice:
                    kept.extend(children[i])
                else:
                    kept.append(children[i])
            kept.extend([None] * rule.trailing)
            if rule.action:
                span = Span(self.source, start, end)
                self.building = start
                value = BUILDERS[rule.action](span, kept)
                depth += isinstance(value, ast.Node)
                if depth > MAX_DEPTH:
                    from dlspec.diagnostics.syntax import TooDeep

                    raise DlspecError(TooDeep(_beginning(span), limit=MAX_DEPTH))
            else:
                value = kept
        if length:
            self._pop(length)
        self._push(self.table.states[self.states[-1]][rule.origin], value, start, end, depth)

    def _pop(self, count: int) -> None:
        for stack in (self.states, self.values, self.starts, self.ends, self.depths):
            del stack[-count:]

    def _peer_word(self, token: Token) -> Token:
        """`None`, `True`, `False` and `self` would read as names; they are told, and what was meant
        is read."""
        from dlspec.diagnostics.slips import ForeignWord

        ours, instead = _PEER_WORDS[token.text]
        if token.text == "None" and self._in_type():
            instead = "a free dimension is a capital letter: `N` is the batch"
            ours = ""
        if token.text not in self.told_words:
            place = Span(self.source, token.start, token.end)
            self.sink.report(ForeignWord(place, word=token.text, instead=instead))
            self.errors += 1
            self.told_words.add(token.text)
        if ours:
            token = token._replace(text=ours)
            self.tokens[self.index] = token
        else:
            self.lost.append(token.start)
        return token

    def _in_type(self) -> bool:
        if not self.brackets or self.tokens[self.brackets[-1]].kind != "LSQB":
            return False
        return self._fits("ELLIPSIS")

    # --- recovery ------------------------------------------------------------------------------

    def _recover(self, error: DlspecError | None) -> None:
        """Tell the mistake, give up the statement (or definition) it is in, and go to its end."""
        from dlspec.diagnostics.slips import OtherFormat
        from dlspec.diagnostics.syntax import UnclosedBrace, UnclosedBracket
        from dlspec.syntax.mistakes import diagnose, outdented_line

        repeated = self.index == self.failed_at
        self.failed_at = self.index
        resume: int | None = None
        closes = self.tokens[self.index].kind == END
        at = self._situation()
        if error is not None and (not self.brackets or outdented_line(at) is None):
            told = error.diagnostics
        elif repeated:
            told = ()
        else:
            told = (diagnose(at),)
            if isinstance(told[0], OtherFormat):
                self.index = len(self.tokens) - 1
            elif isinstance(told[0], UnclosedBracket):
                resume = outdented_line(at)
            elif isinstance(told[0], UnclosedBrace):
                self.lost.append(self.tokens[self.braces[0]].start)
                if not closes:
                    closes, self.index = True, at.head
        for diagnostic in told:
            self.sink.report(diagnostic)
        self.errors += len(told)
        if told and error is None and self._repair(told[0]):
            return
        if not (told and isinstance(told[0], UnclosedBrace)):
            head = at.head_token.start  # behind what is wrong, where that is a whole definition
            self.lost.append(head if error is None else min(head, self.building))
        self._abandon("stmt" if self.braces else "item")
        if resume is not None and resume > self.head:
            self.index = resume - 1
            self.after = "STATEMENT"
        elif closes:
            self._close_bodies()
        else:
            self._skip(repeated, at.indentation(at.head_token))

    def _repair(self, diagnostic: Diagnostic) -> bool:
        """Go on as if the mistake had not been made, where it is plain what was meant."""
        from dlspec.diagnostics.slips import CheckBinds, ForeignComment, SingleQuotes
        from dlspec.diagnostics.syntax import (
            ArrowTarget,
            ColonForEquals,
            DoubleEquals,
            MissingBody,
            MissingComma,
            MissingValue,
            SemicolonInCall,
        )
        from dlspec.syntax.situation import FORMS

        token = self.tokens[self.index]
        following = next_visible(self.tokens, self.index)
        if isinstance(diagnostic, MissingComma) and diagnostic.span is not None:
            if token.kind == "EQUAL" or not self._fits("COMMA"):
                return False
            try:
                self._feed(Token("COMMA", "", token.start, token.start))
            except DlspecError as error:  # what stands before the comma is wrong too
                for further in error.diagnostics:
                    self.sink.report(further)
                return False
        elif isinstance(diagnostic, SemicolonInCall):
            self.tokens[self.index] = token._replace(kind="COMMA")
        elif isinstance(diagnostic, SingleQuotes) and diagnostic.span is not None:
            end = diagnostic.span.end
            last = self.index
            while self.tokens[last].end < end:
                last += 1
            text = f'"{diagnostic.text}"'
            self.tokens[self.index : last + 1] = [Token("STRING", text, token.start, end)]
        elif isinstance(diagnostic, ForeignComment) and diagnostic.span is not None:
            return self._without_comment(diagnostic.span.start, diagnostic.sign)
        elif isinstance(diagnostic, CheckBinds):
            self.tokens[self.index] = token._replace(kind="COMPARE", text="==")
        elif isinstance(diagnostic, DoubleEquals) or (
            isinstance(diagnostic, ColonForEquals) and self.brackets
        ):
            self.tokens[self.index] = token._replace(kind="EQUAL")
        elif isinstance(diagnostic, MissingBody) and following.kind == "LBRACE":
            self.index = self.tokens.index(following, self.index)
        elif isinstance(diagnostic, ArrowTarget | MissingValue) and token.kind == NEWLINE:
            index = self.tokens.index(following, self.index)
            if following.kind not in ("NAME", "NUMBER", "LPAR") or following.text in FORMS:
                return False
            if self.tokens[index + 1].kind in ("EQUAL", "COLON"):
                return False
            self.index = index
        else:
            return False
        return True

    def _without_comment(self, start: int, sign: str) -> bool:
        """Take a comment of another language out, if nothing of it was read yet."""
        text = self.source.text
        close = text.find("*/", start) + 2 if sign == "/*" else text.find("\n", start)
        end = len(text) if close <= 1 else close
        first = next(i for i, t in enumerate(self.tokens) if t.start >= start)
        if first < self.index:
            return False
        last = first
        while self.tokens[last].kind != END and self.tokens[last].start < end:
            last += 1
        del self.tokens[first:last]
        return True

    def _situation(self) -> Situation:
        from dlspec.syntax.situation import Situation

        return Situation(
            source=self.source,
            tokens=self.tokens,
            index=self.index,
            head=self.index if self._at_head() else self.head,
            brackets=tuple(self.brackets),
            braces=tuple(self.braces),
            expected=frozenset(s for s in self.table.states[self.states[-1]] if self._fits(s)),
        )

    def _fits(self, symbol: str) -> bool:
        """Whether a terminal could come next: reduce as it asks for, on states alone."""
        if symbol not in self.table.terminals:
            return False
        states = list(self.states)
        while True:
            action = self.table.states[states[-1]].get(symbol)
            if action is None:
                return False
            if action >= 0:
                return True
            rule = self.table.rules[-action - 1]
            if rule.length:
                del states[-rule.length :]
            states.append(self.table.states[states[-1]][rule.origin])
            if symbol == END and states[-1] == self.table.end:
                return True

    def _abandon(self, kind: str) -> None:
        """Give up what was begun: pretend that a ``kind`` was read, of which nothing is known."""
        self._end_separator()
        for count, state in enumerate(reversed(self.states)):
            goto = self.table.states[state].get(kind)
            if goto is not None:
                if count:
                    self._pop(count)
                here = self.tokens[self.index].start
                self._push(goto, None, here, here, 0)
                break
        self.brackets.clear()

    def _end_separator(self) -> None:
        """What stands before a statement that cannot be read is complete: a newline or `;`."""
        actions = {a for a in self.table.states[self.states[-1]].values() if a < 0}
        rules = [self.table.rules[-a - 1] for a in actions]
        if len(rules) == 1 and rules[0].origin in ("_sep", "_end"):
            self._reduce(rules[0])

    def _skip(self, repeated: bool, indentation: int) -> None:
        """Go to the end of the statement, over braces that begin in it.

        At the top of a file, lines that are indented further belong to what could not be read.
        """
        if repeated and self.tokens[self.index].kind != END:
            self.index += 1
        depth = 0
        inner = 0
        after = ""
        while True:
            token = self.tokens[self.index]
            if token.kind == END:
                break
            inner += (token.kind in OPENING) - (token.kind in ("RPAR", "RSQB"))
            if token.kind == NEWLINE:
                inner = 0
            if token.kind == "LBRACE":
                depth += 1
            elif token.kind == "RBRACE":
                if depth == 0 and self.braces:
                    break
                depth = max(0, depth - 1)
            elif token.kind == NEWLINE:
                following = next_visible(self.tokens, self.index)
                if self._begins_item(following):
                    break
                inside = depth or following.text in CONTINUING or after == "COMMA"
                if not self.braces:
                    column = self.source.position(following.start)[1]
                    inside = inside or following.kind == "LBRACE" or column > indentation + 1
                if not inside:
                    break
            elif token.kind == "SEMICOLON" and depth == 0 and inner <= 0:
                break
            after = token.kind
            self.index += 1
        self.after = "STATEMENT"

    def _begins_item(self, token: Token) -> bool:
        from dlspec.syntax.situation import ITEM_WORDS

        return token.text in ITEM_WORDS and self.source.position(token.start)[1] == 1

    def _close_bodies(self) -> None:
        """Supply the closing braces that are missing here, and go on after them."""
        here = self.tokens[self.index].start
        missing = [Token("RBRACE", "", here, here)] * len(self.braces)
        if self.tokens[self.index].kind != END:
            missing.append(Token(NEWLINE, "", here, here))
        self.braces.clear()
        for token in missing:
            try:
                self._feed(token)
            except (_Unexpected, DlspecError):
                self._abandon("item")
        self.after = NEWLINE
        self.failed_at = -1

    def _finish(self) -> ast.File:
        """What there is, where the end was not reached."""
        items: list[ast.Item] = []
        pending = list(self.values)
        while pending:
            value = pending.pop(0)
            if isinstance(value, list):
                pending[:0] = value
            elif isinstance(value, ast.Item):
                items.append(value)
        return ast.File(Span(self.source, 0, len(self.source.text)), tuple(items))

    def _at(self, index: int) -> Span:
        return place(self.source, self.tokens[index])


_PEER_WORDS = {
    "None": ("none", "nothing is called `none`"),
    "True": ("true", "write `true`"),
    "False": ("false", "write `false`"),
    "self": ("", "names need no `self`: write the name alone"),
}
"""Words of Python that would read as names: what is meant, and what to say."""

_HEADS = frozenset({NEWLINE, "SEMICOLON", "LBRACE"})


def _beginning(span: Span) -> Span:
    """At most the first 40 characters of a span, on one line."""
    end = min(span.end, span.start + 40)
    line_end = span.source.text.find("\n", span.start)
    return Span(span.source, span.start, end if line_end < 0 else min(end, line_end))
