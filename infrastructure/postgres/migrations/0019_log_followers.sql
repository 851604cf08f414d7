-- How far each process that keeps documents has read the log. A live message is sent when all of
-- them know its event, so that none answers with a document from before it. A row that was not
-- written for 3 s counts for nothing; its process answers with no kept document by then.
CREATE TABLE easeboard.log_followers (
    id       uuid        PRIMARY KEY,
    timeline bigint      NOT NULL,
    position bigint      NOT NULL,
    seen_at  timestamptz NOT NULL
) WITH (fillfactor = 20);
