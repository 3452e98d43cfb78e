"""Takedown: rows leave the lake for good, with every copy of their text."""
