"""Knights and Knaves puzzles after arXiv:2505.13718 and its generator: drawn, written and solved by rule."""

from synth.problems.knights_knaves.source import KnightsKnaves

__all__ = ["KnightsKnaves"]
