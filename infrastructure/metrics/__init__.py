"""Collects the metrics of a process and of its database for Prometheus."""
