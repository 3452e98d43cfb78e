"""Faults of a machine that the long runs make: a disk that is full, a clock that jumps."""
