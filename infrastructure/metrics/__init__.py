"""What the program does, counted and timed for whoever runs it."""
