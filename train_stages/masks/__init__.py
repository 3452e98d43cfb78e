"""Which tokens of a row carry loss."""
