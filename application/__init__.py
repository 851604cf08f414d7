"""The commands, one file for each, and the ports that they need."""
