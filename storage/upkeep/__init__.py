"""Checks of a whole lake, and its restoring from a back-up."""
