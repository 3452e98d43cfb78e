"""What finding benchmark items stands on: the index, the first look, inheritance."""
