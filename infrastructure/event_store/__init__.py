"""The event log in PostgreSQL: appended in one round trip, sealed, read in one safe order."""
