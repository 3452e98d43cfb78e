"""Knights and Knaves puzzles after arXiv:2505.13718 and its generator: drawn, written, solved and checked by rule."""

from synth.problems.knights_knaves.source import KnightsKnaves
from synth.problems.knights_knaves.task import KnightsKnavesTask

__all__ = ["KnightsKnaves", "KnightsKnavesTask"]
