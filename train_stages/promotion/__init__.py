"""Whether a model is better: evaluation, held-out text, the statistics, the decision."""
