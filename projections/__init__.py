"""The read models: one folder for each, derived from events alone.

`schema.sql` creates the tables, `projector.py` applies events to them, and `query.py` reads them,
through views of the PostgreSQL schema `read`. `registry.py` lists the read models.

In every query, `pool` has the database connections. In the query of a list, `limit` is the maximum
number of items (None: all), and `cursor` the `next_cursor` of the previous page (None: the first
page). Besides the errors that its docstring names, a query raises the errors of the database (see
`infrastructure/postgres/errors.py`), and `psycopg.errors.UndefinedColumn` while the tables are
those of an older release that lack a column.
"""
