"""A night's curation: how its rules are read, what its filters ask, how it is decided and watched, and history scanned again."""
