"""Typed diagnostics: one frozen dataclass per mistake, wording as class-level templates.

A place that finds a mistake passes facts (`DimMismatch(span, op=…, left=…)`), never prose; all
wording stands in the catalogue and can be reviewed together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from dlspec.source import Span

Severity = Literal["error", "warning"]

MANY_NAMES = 500

CATALOGUE: dict[str, type[Diagnostic]] = {}
"""Every diagnostic class by its code, filled as classes are defined."""


@dataclass(frozen=True)
class Label:
    """A second place in the source, and why it matters."""

    span: Span
    text: str


@dataclass(frozen=True)
class CallSite:
    """An application of a definition, in whose body a mistake is."""

    name: str
    span: Span


@dataclass(frozen=True)
class Diagnostic:
    """Base of all diagnostics.

    ``calls`` are the applications that the place is inside of, the innermost first.

    Subclasses add fields (the facts) and set the templates, which may name the fields:
    ``title`` (what is wrong), ``label`` (beside the carets), ``note`` (why, what was expected) and
    ``help`` (how to fix it). A template with an unset (None) field's name is left out of the
    message when it is a note or a help. The docstring is what ``dlspec explain CODE`` prints.

    Codes: DL1xx syntax, 2xx names, 3xx shapes and dtypes, 4xx settings and attributes, 5xx target
    limits, 6xx bundle, data and runtime, 7xx parity, 8xx not yet, 9xx internal.
    """

    span: Span | None
    calls: tuple[CallSite, ...] = field(default=(), kw_only=True, compare=False, repr=False)

    code: ClassVar[str] = ""
    severity: ClassVar[Severity] = "error"
    title: ClassVar[str] = ""
    label: ClassVar[str] = ""
    note: ClassVar[str | tuple[str, ...]] = ()
    help: ClassVar[str | tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        code = cls.__dict__.get("code")
        if code:
            if code in CATALOGUE:
                raise TypeError(f"diagnostic code {code} is taken by {CATALOGUE[code].__name__}")
            CATALOGUE[code] = cls

    def facts(self) -> dict[str, object]:
        """The fields of this diagnostic but for its place."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in ("span", "calls")]
        return {name: getattr(self, name) for name in names}

    def labels(self) -> Iterable[Label]:
        """Further places to show, with the reason; overridden where there are some."""
        return ()

    @property
    def message(self) -> str:
        """The title with the facts filled in."""
        return self.title.format_map(self.facts())

    @property
    def label_text(self) -> str:
        """What stands beside the carets, with the facts filled in."""
        return self.label.format_map(self.facts())

    @property
    def notes(self) -> list[str]:
        """Why: each note with the facts filled in."""
        return _fill(self.note, self.facts())

    @property
    def helps(self) -> list[str]:
        """How to fix it: each help with the facts filled in."""
        return _fill(self.help, self.facts())


def _fill(templates: str | tuple[str, ...], facts: dict[str, object]) -> list[str]:
    if isinstance(templates, str):
        templates = (templates,)
    given = {k: v for k, v in facts.items() if v is not None and v != ""}
    filled: list[str] = []
    for template in templates:
        try:
            filled.append(template.format_map(given))
        except KeyError:  # names a fact that is not known here, so there is nothing to say
            continue
    return filled


class DlspecError(Exception):
    """One or several diagnostics that end what was asked for.

    Every error that a user of dlspec can cause is this exception; ``diagnostics`` holds the facts.
    """

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = diagnostics
        super().__init__(*diagnostics)

    def __str__(self) -> str:
        from dlspec.diagnostics.render import render

        return "\n".join(render(d, colour=False) for d in self.diagnostics)


class Sink:
    """Collects diagnostics, so that one run tells every independent mistake."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic; the same one is kept once."""
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)

    @property
    def errors(self) -> list[Diagnostic]:
        """Those that forbid going on."""
        return [d for d in self.diagnostics if d.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        """Those that do not."""
        return [d for d in self.diagnostics if d.severity == "warning"]

    def raise_if_errors(self) -> None:
        """End here with all errors, if there are any."""
        if self.errors:
            raise DlspecError(*self.errors)


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like ``word``, or None where none is near."""
    import difflib

    names = set(candidates) - {word}
    plain = _plain(word)
    same = sorted(n for n in names if _plain(n) == plain)
    if same:
        return same[0]
    if len(names) > MANY_NAMES:  # comparing takes time for each
        names = {n for n in names if n[:1] == word[:1] and abs(len(n) - len(word)) < 3}
    matches = difflib.get_close_matches(word, sorted(names)[:MANY_NAMES], n=1, cutoff=0.6)
    return matches[0] if matches else None


def _plain(word: str) -> str:
    return word.replace("_", "").lower()
