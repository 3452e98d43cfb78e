"""DuckLake's catalogue: where it is kept, how it is opened, brought up to date and backed up, and who may change what in it."""
