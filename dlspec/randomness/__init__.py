"""Randomness as a function of (seed, stream, step): nothing else decides a starting weight or a
drawn noise.

A stream is a name. NumPy's Philox is a counter-based generator (Salmon et al. 2011, "Parallel
random numbers: as easy as 1, 2, 3"): its key is a hash of the seed and the stream's name, and the
step stands in the high words of its counter, so that any step can be drawn without those before it,
and resuming needs no generator state.
"""

from dlspec.randomness.noise import draw
from dlspec.randomness.starts import initial_value
from dlspec.randomness.streams import generator
from dlspec.randomness.weights import initial_weights, structural_weights

__all__ = ["draw", "generator", "initial_value", "initial_weights", "structural_weights"]
