"""Queries of the operational state of the whole installation, for admins."""
