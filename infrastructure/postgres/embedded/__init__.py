"""The PostgreSQL server that easeboard starts itself, on its own data directory."""
