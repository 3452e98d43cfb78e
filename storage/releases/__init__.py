"""Releases: named, immutable selections of accepted rows, and how they are read, compared and handed over."""
