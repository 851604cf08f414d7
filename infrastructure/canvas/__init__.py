"""The Canvas client: host policy, address check, throttle, retries and tolerant parsing."""
