CREATE TABLE grades (
    course_id     uuid    NOT NULL PRIMARY KEY,
    connection_id uuid    NOT NULL,
    person_id     uuid    NOT NULL,
    name          text    COLLATE "C" NOT NULL,
    is_student    boolean NOT NULL,
    withdrawn     boolean NOT NULL,
    document      bytea   NOT NULL,
    position      bigint  NOT NULL
);

CREATE INDEX grades_person ON grades (person_id, name, course_id);

CREATE TABLE grade_entries (
    assignment_id uuid        NOT NULL PRIMARY KEY,
    course_id     uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    due_at        timestamptz,
    entry         bytea       NOT NULL,
    position      bigint      NOT NULL
);

CREATE INDEX grade_entries_person ON grade_entries (person_id, course_id);

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);
