"""Read model `courses`: the courses of each connection as the student sees them in Canvas."""
