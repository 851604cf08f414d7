"""Live updates of syncs and grades, over a WebSocket or as server-sent events."""
