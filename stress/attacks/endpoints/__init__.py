"""A model server that means harm, or is broken in any way."""
