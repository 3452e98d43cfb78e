"""SQL for people: looked at before it runs, run in a process that is closed to the host."""
