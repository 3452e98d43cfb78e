"""The one judge of answers: found in a text, compared exactly, by type, and by computer algebra in a process."""
