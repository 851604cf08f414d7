-- Responses to requests with an idempotency key may have secrets, so their bodies are encrypted.
-- Null: an earlier release stored the body in plain text; such a row ends within a day.
ALTER TABLE easeboard.idempotency_keys
    ADD COLUMN body_key_id text;
