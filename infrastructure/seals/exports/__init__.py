"""Exports of the history of a connection with proofs, and their verification without a database."""
