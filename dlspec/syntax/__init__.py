"""From text to abstract syntax, and back to canonical text."""

from dlspec.syntax.formatter import format_source
from dlspec.syntax.parser import parse

__all__ = ["format_source", "parse"]
