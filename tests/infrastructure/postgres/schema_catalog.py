"""Reads the schema of a database from its catalogs, to compare it with another one."""

import psycopg

QUERIES = {
    "columns": b"""
        SELECT n.nspname, c.relname, c.relkind, a.attnum, a.attname,
               format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
               a.attstorage, a.attcompression, pg_get_expr(d.adbin, d.adrelid), c.reloptions
          FROM pg_class AS c
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
         ORDER BY n.nspname, c.relname, a.attnum
    """,
    "constraints": b"""
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
          FROM pg_constraint
         WHERE connamespace::regnamespace::text !~ '^(pg_|information_schema)'
         ORDER BY conrelid::regclass::text, conname
    """,
    "indexes": b"""
        SELECT schemaname, indexname, indexdef
          FROM pg_indexes
         WHERE schemaname !~ '^(pg_|information_schema)'
         ORDER BY schemaname, indexname
    """,
    "views": b"""
        SELECT schemaname, viewname, definition
          FROM pg_views
         WHERE schemaname !~ '^(pg_|information_schema)'
         ORDER BY schemaname, viewname
    """,
    "functions": b"""
        SELECT pg_get_functiondef(oid)
          FROM pg_proc
         WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema)' AND prokind <> 'a'
         ORDER BY pg_get_functiondef(oid)
    """,
    "triggers": b"""
        SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
         ORDER BY pg_get_triggerdef(oid)
    """,
    "sequences": b"""
        SELECT schemaname, sequencename, data_type::text, start_value, increment_by, cycle,
               cache_size
          FROM pg_sequences
         ORDER BY schemaname, sequencename
    """,
    "types": b"""
        SELECT n.nspname, t.typname, t.typtype, array_agg(e.enumlabel ORDER BY e.enumsortorder)
          FROM pg_type AS t
          JOIN pg_namespace AS n ON n.oid = t.typnamespace
          LEFT JOIN pg_enum AS e ON e.enumtypid = t.oid
         WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
         GROUP BY n.nspname, t.typname, t.typtype
         ORDER BY n.nspname, t.typname
    """,
    "rights": b"""
        SELECT 'schema', nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_'
         UNION ALL
        SELECT 'relation', oid::regclass::text, relacl::text
          FROM pg_class WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
         ORDER BY 1, 2
    """,
    "comments": b"""
        SELECT pg_identify_object(classoid, objoid, objsubid)::text, description
          FROM pg_description
         WHERE (pg_identify_object(classoid, objoid, objsubid)).schema = 'easeboard'
         ORDER BY 1
    """,
    "migrations": b"""
        SELECT version, name, sha256 FROM easeboard.schema_migrations ORDER BY version
    """,
}


def read_schema_catalog(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return all of the schema by kind of object, and the applied migrations."""
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query).fetchall() for name, query in QUERIES.items()}
