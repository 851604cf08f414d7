"""The job queue of sync runs, on procrastinate: jobs, workers, heartbeats and recovery."""
