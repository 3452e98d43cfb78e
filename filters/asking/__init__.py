"""Filters that ask a model, one file or folder each: what they ask (`filters.questions`), and what they make of the answers."""
