"""Models to begin with: the untrained base, and the tiny one."""
