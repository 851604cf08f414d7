"""How grades came to be what they are."""
