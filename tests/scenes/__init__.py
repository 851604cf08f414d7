"""Scenes: what the whole service does when a Canvas host is away or revokes every token."""
