"""Read model `grades`: the grades of each course and of its assignments."""
