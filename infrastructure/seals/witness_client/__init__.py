"""Obtains the signatures of witnesses for signed checkpoints (SEAL_WITNESSES)."""
