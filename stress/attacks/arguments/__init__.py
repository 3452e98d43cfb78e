"""Arguments of the command line that reach for more than they name, or break it."""
