"""In which order rows are learned from."""
