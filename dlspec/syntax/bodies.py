"""Bodies in braces, before they are laid out: one that goes over several lines has them to itself.

What follows `{` and what precedes `}` then begins a line, and so do all branches of an `if` if one
does. Bodies in one line stay there.
"""

from __future__ import annotations

from dlspec.syntax.lexer import COMMENT, NEWLINE, Token

_UNSEEN = (NEWLINE, COMMENT)


def opened(tokens: list[Token]) -> list[Token]:
    """The tokens, with further newlines around bodies that go over several lines."""
    tokens = _with_comments_inside(tokens)
    after, before = _breaks(tokens)
    found: list[Token] = []
    moved: Token | None = None
    for index, token in enumerate(tokens):
        if token is moved:
            continue
        following = tokens[min(index + 1, len(tokens) - 1)]
        if index in before and found and found[-1].kind != NEWLINE:
            if following.kind == COMMENT:  # behind the brace, and of the line that is before it now
                moved = following
                found.append(following)
            found.append(_newline(token.start))
        found.append(token)
        behind = token.kind == "SEMICOLON" and index - 1 in before
        if (index in after or behind) and following.kind not in _UNSEEN:
            found.append(_newline(token.end))
    return found


def _newline(position: int) -> Token:
    return Token(NEWLINE, "", position, position)


def _breaks(tokens: list[Token]) -> tuple[set[int], set[int]]:
    """After which braces, and before which, a line ends."""
    after: set[int] = set()
    before: set[int] = set()
    for chain in _chains(tokens):
        for begin, end in chain:
            if any(t.kind in _UNSEEN for t in tokens[begin:end]):
                after.update(b for b, _ in chain)
                before.update(e for _, e in chain)
                break
    return after, before


def _chains(tokens: list[Token]) -> list[list[tuple[int, int]]]:
    """The bodies, each by its braces; those of an `if` and of its `else`s together."""
    chains: list[list[tuple[int, int]]] = []
    open_braces: list[tuple[int, list[tuple[int, int]]]] = []
    previous: dict[int, list[tuple[int, int]]] = {}
    """By the index of an `else`: the chain of the body before it."""
    waiting: list[tuple[int, list[tuple[int, int]]]] = []
    """Chains whose `else` has been read, with the depth that its body will stand in."""
    for index, token in enumerate(tokens):
        if index in previous:
            waiting.append((len(open_braces), previous.pop(index)))
        elif token.kind == "LBRACE":
            chain: list[tuple[int, int]] = []
            if waiting and waiting[-1][0] == len(open_braces):
                chain = waiting.pop()[1]
            else:
                chains.append(chain)
            open_braces.append((index, chain))
        elif token.kind == "RBRACE" and open_braces:
            begin, chain = open_braces.pop()
            chain.append((begin, index))
            following = _visible(tokens, index + 1)
            if tokens[following].text == "else":
                previous[following] = chain
    return chains


def _visible(tokens: list[Token], index: int) -> int:
    """The index of the first token from one on that is no newline and no comment."""
    while index < len(tokens) - 1 and tokens[index].kind in _UNSEEN:
        index += 1
    return index


def _with_comments_inside(tokens: list[Token]) -> list[Token]:
    """Comments between `}` and `else` go into the bodies, where they keep neither of the two from
    standing in one line: one behind the brace into the body before, others into that behind."""
    found: list[Token] = []
    pending: list[Token] = []
    for index, token in enumerate(tokens):
        if token.text == "else" and token.kind not in _UNSEEN:
            at = len(found)
            while at and found[at - 1].kind in _UNSEEN:
                at -= 1
            between = found[at:]
            if at and found[at - 1].kind == "RBRACE" and any(t.kind == COMMENT for t in between):
                del found[at:]
                brace = found.pop()
                if between[0].kind == COMMENT:
                    _end_body(found, between.pop(0))
                found.append(brace)
                pending += [t for t in between if t.kind == COMMENT]
        found.append(token)
        if token.kind == "LBRACE" and pending:
            found += [t for c in pending for t in (_newline(token.end), c)]
            pending = []
            if tokens[index + 1].kind != NEWLINE:
                found.append(_newline(token.end))
    return found


def _end_body(found: list[Token], comment: Token) -> None:
    """Add a comment to the last line of a body, or behind it where that has one."""
    end = len(found)
    while end and found[end - 1].kind == NEWLINE:
        end -= 1
    if found[end - 1].kind != COMMENT:
        del found[end:]
    elif end == len(found):
        found.append(_newline(comment.start))
    found += [comment, _newline(comment.end)]
