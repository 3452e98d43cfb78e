"""Recipes and settings that read, run, write or take what they must not."""
