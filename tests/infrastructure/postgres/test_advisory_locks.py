"""No two advisory locks of easeboard share a number, so that none waits for another's holders."""

import re
from collections import defaultdict
from pathlib import Path

INFRASTRUCTURE = Path(__file__).parents[3] / "infrastructure"
LOCK = re.compile(r"pg_advisory_xact_lock(?:_shared)?\(1161905989, (\d+)\)")
PURPOSES = {
    1: {"0001_event_log.sql", "0010_timelines.sql", "0028_causes.sql"},
    3: {"ensure_versions.py"},
    4: {"0010_timelines.sql"},
    5: {"0013_master_keys.sql", "key_check.py"},
    6: {"fair_fetch.py"},
}


def test_every_lock_has_a_number_of_its_own() -> None:
    found: dict[int, set[str]] = defaultdict(set)
    for path in [*INFRASTRUCTURE.rglob("*.py"), *INFRASTRUCTURE.rglob("*.sql")]:
        for number in LOCK.findall(path.read_text("utf-8")):
            found[int(number)].add(path.name)
    assert found == PURPOSES
