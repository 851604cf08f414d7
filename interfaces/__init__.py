"""How the program is used: the HTTP API, live messages and the command line."""
