"""Generates a school from a seed: students, courses, assignments and submissions."""
