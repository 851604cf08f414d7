"""Databases of earlier releases, which the present program must read without a difference."""
