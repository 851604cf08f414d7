CREATE TABLE grade_history (
    position      bigint      NOT NULL PRIMARY KEY,
    connection_id uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    course_id     uuid        NOT NULL,
    assignment_id uuid,
    baseline      boolean     NOT NULL,
    changed_at    timestamptz NOT NULL,
    document      bytea       NOT NULL
);

CREATE INDEX grade_history_person ON grade_history (person_id, position);

-- The names in the last CourseFetched of a connection, as JSON. A GradeChanged of an older release
-- has no names, but follows the CourseFetched that has them.
CREATE TABLE last_read_names (
    connection_id uuid   NOT NULL PRIMARY KEY,
    person_id     uuid   NOT NULL,
    names         bytea  NOT NULL,
    position      bigint NOT NULL
);

CREATE INDEX last_read_names_person ON last_read_names (person_id);

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);
