"""What several benchmarks share: where results are kept, and environments of peers."""
