CREATE TABLE assignments (
    assignment_id uuid        NOT NULL PRIMARY KEY,
    connection_id uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    course_id     uuid        NOT NULL,
    name          text        COLLATE "C" NOT NULL,
    published     boolean     NOT NULL,
    late          boolean     NOT NULL,
    missing       boolean     NOT NULL,
    due_at        timestamptz,
    settled       text,
    once_due      text        NOT NULL,
    locked_until  timestamptz,
    locked_from   timestamptz,
    until_reason  bytea,
    from_reason   bytea,
    parts         bytea,
    revisions     bigint      NOT NULL,
    document      bytea       NOT NULL,
    position      bigint      NOT NULL
);

CREATE INDEX assignments_person ON assignments (person_id, due_at);

-- Assignments are listed while the person is a student of the course and it is not withdrawn.
-- The others keep their rows: if the course comes back, only what differs is recorded.
CREATE TABLE assignment_courses (
    course_id     uuid    NOT NULL PRIMARY KEY,
    connection_id uuid    NOT NULL,
    person_id     uuid    NOT NULL,
    name          text,
    code          text,
    is_student    boolean NOT NULL,
    withdrawn     boolean NOT NULL,
    position      bigint  NOT NULL
);

CREATE INDEX assignment_courses_person ON assignment_courses (person_id);

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);
