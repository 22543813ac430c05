"""Groups of commands, each loading only what it needs."""
