"""A day of many connections on a virtual clock: our own decisions, a made-up world around them."""
