"""Logs, traces and the instruments that the code records to."""
