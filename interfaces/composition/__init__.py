"""The composition root: constructs every part and runs the roles of a process."""
