"""From text to abstract syntax, and back to canonical text."""

from dlspec.syntax.parser import parse

__all__ = ["parse"]
