"""The ways in that stay open: a WebSocket and server-sent events."""
