"""Keeps read models in step with the log: runs any projector, knows none."""
