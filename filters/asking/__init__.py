"""Filters that ask a model, one file or folder each: what they ask (`filters.asks`), and what they make of the answers."""
