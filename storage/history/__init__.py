"""The index over the signatures of every row ever accepted."""
