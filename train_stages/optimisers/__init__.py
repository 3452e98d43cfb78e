"""Optimisers that a Trainer can hold, save and load."""
