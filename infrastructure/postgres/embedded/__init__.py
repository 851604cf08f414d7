"""The embedded PostgreSQL server, which easeboard starts and stops itself."""
