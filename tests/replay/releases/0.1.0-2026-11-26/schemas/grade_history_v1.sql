CREATE TABLE grade_history (
    position      bigint      NOT NULL PRIMARY KEY,
    connection_id uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    course_id     uuid        NOT NULL,
    assignment_id uuid,
    changed_at    timestamptz NOT NULL,
    document      bytea       NOT NULL
);

CREATE INDEX grade_history_person ON grade_history (person_id, position);

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);
