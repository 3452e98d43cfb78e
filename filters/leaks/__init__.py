"""Detection of benchmark items in rows: the index, the quick screen, inheritance. Its filter is `rules/decontamination.py`."""
