"""PostgreSQL: pools, statements, retries, leases, migrations, and the embedded server."""
