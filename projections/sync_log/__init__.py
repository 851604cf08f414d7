"""Read model `sync_log`: every run, and the sync status of each connection."""
