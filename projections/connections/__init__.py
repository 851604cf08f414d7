"""Read model `connections`: the connections of each person, and when each open one is due."""
