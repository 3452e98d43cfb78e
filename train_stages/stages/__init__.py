"""The training stages, one file each."""
