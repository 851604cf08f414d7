"""uvicorn, its HTTP protocol with limits, and the listening sockets."""
