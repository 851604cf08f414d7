"""How Canvas is reached: an address guard, a throttle, tolerant parsing."""
