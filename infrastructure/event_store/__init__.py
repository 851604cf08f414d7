"""The event log in PostgreSQL: appends, encryption, snapshots, and reading in order."""
