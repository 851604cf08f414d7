"""The job queue that carries sync runs to workers, on procrastinate."""
