"""Names of figures of a whole data set, which only `metrics` of a recipe has."""

from __future__ import annotations

from collections.abc import Mapping

from dlspec.diagnostics.recipes import MetricElsewhere
from dlspec.ir.figures import Figure
from dlspec.source import Span

METRICS: Mapping[str, tuple[tuple[str, str], Figure]] = {
    "error_rate": (("text", "reference"), "ratio"),
    "exact": (("text", "reference"), "mean"),
    "perplexity": (("scores", "reference"), "perplexity"),
    "bleu": (("text", "reference"), "bleu"),
}
"""What each takes, and what is made of the sums."""
_FOR_ONE = {
    "error_rate": "of one text: `edit_distance(text, reference)`",
    "perplexity": "what is minimised is `cross_entropy(scores, reference)`",
}


def elsewhere(name: str, span: Span) -> MetricElsewhere:
    """The mistake of a figure where a value of a batch is wanted."""
    slots, _ = METRICS[name]
    return MetricElsewhere(span, name, ", ".join(slots), _FOR_ONE.get(name))
