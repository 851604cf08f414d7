-- Who read what about whom, newest first: of all readers, of one reader, and about one person. The
-- indexes have the rows of two topics only, so other appends write nothing to them.
--
-- Only the list of all has the condition on the position. Without it, the planner could read the
-- readings of one reader, or about one person, by walking over those of all.
CREATE INDEX events_readings ON easeboard.events (position)
 WHERE topic IN ('HistoryRead', 'ConnectionsListed') AND position > 0;

CREATE INDEX events_readings_by_reader ON easeboard.events (actor, position)
 WHERE topic IN ('HistoryRead', 'ConnectionsListed');

CREATE INDEX events_readings_by_person ON easeboard.events (person_id, position)
 WHERE topic IN ('HistoryRead', 'ConnectionsListed');
