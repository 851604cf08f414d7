-- breaks programs before: 0029
--
-- From here on encrypted events have a commitment, in a form that older programs cannot read.
COMMENT ON COLUMN easeboard.events.state IS
    'One byte that names the form, then JSON: see docs/decisions 0002 and 0039.';
