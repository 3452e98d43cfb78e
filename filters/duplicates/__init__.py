"""Detection of duplicates: normal forms, MinHash sketches, banding, comparison with history. Its filters are in `rules`."""
