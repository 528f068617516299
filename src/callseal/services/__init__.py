"""One bootstrap a process: the only place that knows everything."""
