"""A training as a plan: its steps, what each reads, and how each is run, once."""
