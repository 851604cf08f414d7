"""Error responses as problems (RFC 9457), and which exception becomes which problem."""
