"""Where somebody stands in each course, down to every assignment."""
