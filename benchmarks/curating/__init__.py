"""The parts of `benchmarks/curation.py`."""
