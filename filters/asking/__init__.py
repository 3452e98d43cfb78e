"""Filters that ask a model, and how they ask: judging, scoring, trials."""
