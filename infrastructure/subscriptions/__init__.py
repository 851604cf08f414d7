"""The log as it grows, for those who want to hear of it at once."""
