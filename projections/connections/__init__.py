"""Which Canvas accounts somebody is connected to."""
