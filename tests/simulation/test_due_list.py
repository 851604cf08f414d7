"""`DueList` compared with a plain list that is sorted and filtered."""

from array import array
from random import Random

import pytest

from tests.simulation.due_list import NEVER, DueList

CONNECTIONS, HOSTS = 60, 4


@pytest.mark.parametrize("seed", range(20))
def test_due_entries_are_found_in_order_and_filtered_by_host(seed: int) -> None:
    rng = Random(seed)
    hosts = array("i", [rng.randrange(HOSTS) for _ in range(CONNECTIONS)])
    due_list, expected_due_at = DueList(hosts), [rng.uniform(0, 50) for _ in range(CONNECTIONS)]
    due_list.put_all(expected_due_at)
    for now in range(100):
        without = rng.sample(range(HOSTS), rng.randrange(HOSTS))
        only = None if rng.random() < 0.7 else rng.sample(range(HOSTS), 2)
        after = (rng.uniform(0, now), 0) if rng.random() < 0.5 else None
        limit = rng.randrange(1, 20)
        due = sorted(
            (at, connection)
            for connection, at in enumerate(expected_due_at)
            if at <= now
            and hosts[connection] not in without
            and (only is None or hosts[connection] in only)
            and (after is None or (at, connection) > after)
        )
        found = due_list.find(now, limit, after=after, only=only, without=without)
        assert found == due[:limit]
        for _, connection in rng.sample(found, len(found) // 2):
            due_list.remove(connection)
            expected_due_at[connection] = NEVER
        for connection in [
            connection for connection, at in enumerate(expected_due_at) if at == NEVER
        ][:3]:
            expected_due_at[connection] = now + rng.uniform(0.1, 40)
            due_list.put(connection, expected_due_at[connection])
