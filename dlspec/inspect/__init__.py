"""Seeing a network: what it costs, how it folds, a table, a line explained, a picture."""
