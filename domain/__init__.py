"""The rules: what may happen to a Canvas connection, and what follows from it."""
