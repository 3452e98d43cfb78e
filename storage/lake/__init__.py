"""The lake: its tables, and what is asked of them about nights, samples and what is new."""
