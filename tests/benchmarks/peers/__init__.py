"""Other programs that do the same work: they are measured beside easeboard."""
