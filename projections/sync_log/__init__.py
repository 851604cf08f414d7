"""Which runs there were, and what each connection is doing."""
