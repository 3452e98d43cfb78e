"""Programming problems: a prompt, the name of a function, and calls of it with the values that they must return."""
