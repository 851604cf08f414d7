"""Verifies the event log against its tiles and signed checkpoints, and finds what differs."""
