"""A night's attempts: what is drawn, how hard, and how they run."""
