CREATE TABLE assignments (
    assignment_id uuid        NOT NULL PRIMARY KEY,
    connection_id uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    course_id     uuid        NOT NULL,
    name          text        COLLATE "C" NOT NULL,
    due_at        timestamptz,
    unlock_at     timestamptz,
    lock_at       timestamptz,
    settled       text,
    late          boolean     NOT NULL,
    document      bytea       NOT NULL,
    position      bigint      NOT NULL
);

CREATE INDEX assignments_person ON assignments (person_id, due_at);

-- Canvas shows nothing of a withdrawn course; its assignments wait for its return.
CREATE TABLE withdrawn_courses (
    course_id     uuid   NOT NULL PRIMARY KEY,
    connection_id uuid   NOT NULL,
    person_id     uuid   NOT NULL,
    position      bigint NOT NULL
);

CREATE INDEX withdrawn_courses_person ON withdrawn_courses (person_id);

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);
