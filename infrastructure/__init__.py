"""Access to everything outside the program: PostgreSQL, Canvas, Redis, and settings."""
