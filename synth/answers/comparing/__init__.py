"""Whether two answers are the same: one file per kind of answer, and the table of the pairs of types."""
