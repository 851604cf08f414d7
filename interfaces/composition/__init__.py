"""The composition root: constructs the parts of a process and runs its roles."""
