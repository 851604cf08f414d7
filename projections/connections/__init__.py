"""Read model `connections`: the open connections of each person, and when each one is due."""
