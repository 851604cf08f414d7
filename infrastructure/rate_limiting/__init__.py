"""Counters of requests per time window, in memory or in Redis."""
