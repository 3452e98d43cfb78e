"""Expressions: read, compared exactly or to many digits, and by computer algebra in a process that can be killed."""
