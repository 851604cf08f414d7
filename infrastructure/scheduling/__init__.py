"""The scheduler: scans for connections that are due and requests their syncs."""
