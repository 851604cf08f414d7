"""Queries that read the event log or the state of the service instead of a read model."""
