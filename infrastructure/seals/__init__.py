"""Seals the event log: a Merkle tree over its rows, with signed checkpoints of it."""
