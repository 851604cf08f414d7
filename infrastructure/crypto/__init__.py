"""Keys and encrypted secrets: the master key, person keys and the token vault."""
