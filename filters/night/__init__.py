"""A night's curation: how its rules are read, its rows judged, decided and watched, and history scanned again."""
