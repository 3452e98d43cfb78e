"""Parts of `benchmarks/real.py`: a reader of answers and rows that shares no code with the product, and a plain client."""
