"""Kinds of problems, a file each; its class says how an answer is checked, solved and reviewed."""
