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
    state         text             NOT NULL,
    name          text             COLLATE "C" NOT NULL,
    current_score double precision,
    document      bytea            NOT NULL,
    position      bigint           NOT NULL
);

CREATE INDEX dashboard_courses_person ON dashboard_courses (person_id, state);

CREATE TABLE dashboard_assignments (
    assignment_id uuid        NOT NULL PRIMARY KEY,
    connection_id uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    course_id     uuid        NOT NULL,
    due_at        timestamptz,
    unlock_at     timestamptz,
    lock_at       timestamptz,
    settled       text,
    asks_for_work boolean     NOT NULL,
    submitted_at  timestamptz,
    graded_at     timestamptz,
    document      bytea       NOT NULL,
    position      bigint      NOT NULL
);

CREATE INDEX dashboard_assignments_person ON dashboard_assignments (person_id, due_at);

CREATE TABLE dashboard_grade_changes (
    position      bigint      NOT NULL PRIMARY KEY,
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
