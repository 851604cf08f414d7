"""Messages go as far as can be read, and not later than the longest wait of a read."""

from interfaces.live.publish_limit import SAMPLES_PER_WAIT, PublishLimit


def test_it_is_the_position_that_all_read_models_have_reached() -> None:
    limit = PublishLimit(10)
    assert limit.position(100, 90, 0) == 90
    assert limit.position(100, 100, 1) == 100
    assert limit.position(100, 120, 2) == 100


def test_without_read_models_it_is_the_high_water_mark() -> None:
    assert PublishLimit(10).position(100, None, 0) == 100


def test_it_is_at_least_the_high_water_mark_before_the_wait() -> None:
    limit = PublishLimit(10)
    assert limit.position(100, 90, 0) == 90
    assert limit.position(110, 90, 5) == 90
    assert limit.position(120, 90, 9.9) == 90
    assert limit.position(120, 90, 10) == 100
    assert limit.position(120, 90, 14.9) == 100
    assert limit.position(120, 90, 15) == 110
    assert limit.position(120, 90, 20) == 120


def test_it_forgets_the_marks_of_another_timeline() -> None:
    limit = PublishLimit(10)
    limit.position(100, 90, 0)
    limit.forget()
    assert limit.position(95, 90, 20) == 90
    assert limit.position(95, 90, 30) == 95


def test_it_remembers_a_limited_number_of_marks() -> None:
    limit = PublishLimit(10)
    for number in range(10_000):
        limit.position(number, 0, number / 1_000)
    assert len(limit._marks) <= SAMPLES_PER_WAIT + 2
    assert limit.position(10_000, 0, 15) in range(4_900, 5_001)


def test_without_a_wait_it_is_the_high_water_mark() -> None:
    limit = PublishLimit(0)
    assert [limit.position(mark, 0, mark / 10) for mark in (1, 2, 3)] == [1, 2, 3]
