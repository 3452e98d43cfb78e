"""From rows to batches: encoding, mixtures, pairs, plans."""
