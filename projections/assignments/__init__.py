"""Read model `assignments`: every assignment with its dates, submission and status."""
