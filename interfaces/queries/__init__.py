"""Queries that read the event log or the process itself instead of a read model."""
