"""Reads events soon after they were appended, for live updates."""
