"""Parts of `benchmarks/generation.py`."""
