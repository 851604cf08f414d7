"""Why there is no database."""


class PostgresUnavailable(Exception):
    """PostgreSQL cannot be had; the message says why and names the way out."""
