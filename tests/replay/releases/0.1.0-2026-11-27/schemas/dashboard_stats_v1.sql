CREATE TABLE dashboard_connections (
    connection_id  uuid        NOT NULL PRIMARY KEY,
    person_id      uuid        NOT NULL,
    active         boolean     NOT NULL,
    failed         boolean     NOT NULL,
    last_synced_at timestamptz,
    position       bigint      NOT NULL
);

CREATE INDEX dashboard_connections_person ON dashboard_connections (person_id);

CREATE TABLE dashboard_courses (
    course_id     uuid             NOT NULL PRIMARY KEY,
    connection_id uuid             NOT NULL,
    person_id     uuid             NOT NULL,
    is_student    boolean          NOT NULL,
    state         text             NOT NULL,
    name          text             COLLATE "C" NOT NULL,
    current_score double precision,
    document      bytea            NOT NULL,
    position      bigint           NOT NULL
);

CREATE INDEX dashboard_courses_person ON dashboard_courses (person_id, state);

-- Only those that can be shown as the next ones that are due have a document.
CREATE TABLE dashboard_assignments (
    assignment_id uuid        NOT NULL PRIMARY KEY,
    connection_id uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    course_id     uuid        NOT NULL,
    due_at        timestamptz,
    settled       text,
    once_due      text        NOT NULL,
    locked_until  timestamptz,
    locked_from   timestamptz,
    until_reason  bytea,
    from_reason   bytea,
    parts         bytea,
    missing       boolean     NOT NULL,
    asks_for_work boolean     NOT NULL,
    submitted_at  timestamptz,
    graded_at     timestamptz,
    document      bytea,
    position      bigint      NOT NULL
);

CREATE INDEX dashboard_assignments_person ON dashboard_assignments (person_id, due_at);

-- Rows are only added, and found by person and time.
CREATE TABLE dashboard_grade_changes (
    position      bigint      NOT NULL,
    connection_id uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    course_id     uuid        NOT NULL,
    changed_at    timestamptz NOT NULL
);

CREATE INDEX dashboard_grade_changes_person ON dashboard_grade_changes (person_id, changed_at);

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);
