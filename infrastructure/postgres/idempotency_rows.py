"""The SQL statements for the rows of easeboard.idempotency_keys.

An earlier release identifies a request by an unkeyed digest. Such a row is found for its day.
"""

# A conflict does not wait for a transaction that has locked the row.
INSERT_CLAIM = """
INSERT INTO easeboard.idempotency_keys (
    person_id, request, key_id, fingerprint, claim, held_by, leased_until
)
SELECT %s::uuid, %s::bytea, %s, %s::bytea, %s::uuid, %s, clock_timestamp() + %s
 WHERE NOT EXISTS (
           SELECT
             FROM easeboard.idempotency_keys
            WHERE (person_id, request) = (%s, %s)
              AND created_at > clock_timestamp() - %s
       )
   AND %s > (
           SELECT count(*)
             FROM (
                      SELECT
                        FROM easeboard.idempotency_keys
                       WHERE person_id = %s
                         AND created_at > clock_timestamp() - %s
                       LIMIT %s
                  ) AS kept
       )
    ON CONFLICT (person_id, request) DO NOTHING
RETURNING created_at
"""

COUNT_ROWS = """
SELECT count(*), min(created_at) + %s - clock_timestamp()
  FROM easeboard.idempotency_keys
 WHERE person_id = %s
   AND created_at > clock_timestamp() - %s
"""

DELETE_EXPIRED_CLAIM = """
DELETE FROM easeboard.idempotency_keys
 WHERE (person_id, request) = (%s, %s)
   AND created_at <= clock_timestamp() - %s
"""

# The position of an earlier release has no timeline: it is of the log as it is now.
SELECT_ROW = """
SELECT request, claim, created_at, created_at <= clock_timestamp() - %s,
       key_id, fingerprint,
       CASE WHEN starts_with(held_by, claim || ' ') THEN substr(held_by, 38) END,
       leased_until > clock_timestamp(),
       body_key_id, status, headers, body, position,
       CASE WHEN position > 0 THEN coalesce(timeline, easeboard.current_timeline()) END
  FROM easeboard.idempotency_keys
 WHERE person_id = %s
   AND request IN (%s, %s)
 ORDER BY created_at DESC
 LIMIT 1
"""

TAKE_OVER = """
UPDATE easeboard.idempotency_keys
   SET claim = %s,
       held_by = %s,
       leased_until = clock_timestamp() + %s
 WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM easeboard.idempotency_keys
            WHERE (person_id, request, claim) = (%s, %s, %s)
              AND status IS NULL
              FOR UPDATE SKIP LOCKED
       ))
RETURNING claim
"""

STORE_RESPONSE = """
UPDATE easeboard.idempotency_keys
   SET status = %s,
       headers = %s,
       body = %s,
       position = %s,
       timeline = %s,
       body_key_id = %s
 WHERE (person_id, request, claim) = (%s, %s, %s)
"""

ABANDON_CLAIM = """
UPDATE easeboard.idempotency_keys
   SET held_by = claim || ' '
 WHERE (person_id, request, claim) = (%s, %s, %s)
"""

DELETE_CLAIM = """
DELETE FROM easeboard.idempotency_keys
 WHERE (person_id, request, claim) = (%s, %s, %s)
"""

DELETE_ROWS_OF_PERSON = "DELETE FROM easeboard.idempotency_keys WHERE person_id = %s"

DELETE_EXPIRED_ROWS = """
DELETE FROM easeboard.idempotency_keys
 WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM easeboard.idempotency_keys
            WHERE created_at <= clock_timestamp() - %s
            ORDER BY created_at
            LIMIT %s
              FOR UPDATE SKIP LOCKED
       ))
RETURNING request
"""
