"""Transformations from graph to graph; `optimized` runs them in their order."""

from dlspec.passes.pipeline import PASSES, optimized

__all__ = ["PASSES", "optimized"]
