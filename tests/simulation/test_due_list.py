"""The simulation's table of connections beside the plainest one there is."""

from array import array
from random import Random

import pytest

from tests.simulation.due_list import NEVER, DueList

MANY, HOSTS = 60, 4


@pytest.mark.parametrize("seed", range(20))
def test_the_due_are_found_in_order_at_some_hosts_after_another(seed: int) -> None:
    chance = Random(seed)
    hosts = array("i", [chance.randrange(HOSTS) for _ in range(MANY)])
    there, plain = DueList(hosts), [chance.uniform(0, 50) for _ in range(MANY)]
    there.begin(plain)
    for now in range(100):
        without = chance.sample(range(HOSTS), chance.randrange(HOSTS))
        only = None if chance.random() < 0.7 else chance.sample(range(HOSTS), 2)
        after = (chance.uniform(0, now), 0) if chance.random() < 0.5 else None
        limit = chance.randrange(1, 20)
        due = sorted(
            (at, one)
            for one, at in enumerate(plain)
            if at <= now
            and hosts[one] not in without
            and (only is None or hosts[one] in only)
            and (after is None or (at, one) > after)
        )
        found = there.find(now, limit, after=after, only=only, without=without)
        assert found == due[:limit]
        for _, one in chance.sample(found, len(found) // 2):
            there.take(one)
            plain[one] = NEVER
        for one in [one for one, at in enumerate(plain) if at == NEVER][:3]:
            plain[one] = now + chance.uniform(0.1, 40)
            there.put(one, plain[one])
