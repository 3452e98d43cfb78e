"""A stage as a process: its job, start, checks, progress, and how it goes on after a kill."""
