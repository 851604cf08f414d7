CREATE TABLE courses (
    course_id     uuid   NOT NULL PRIMARY KEY,
    connection_id uuid   NOT NULL,
    person_id     uuid   NOT NULL,
    state         text   NOT NULL,
    name          text   COLLATE "C" NOT NULL,
    words         text   COLLATE "C" NOT NULL,
    exact         boolean,
    basis         bytea  NOT NULL,
    items         bytea  NOT NULL,
    document      bytea  NOT NULL,
    position      bigint NOT NULL
);

CREATE INDEX courses_person ON courses (person_id, name, course_id);

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);
