"""Filters of another package: a file each, with the prompts that they ask."""
