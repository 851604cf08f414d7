"""Our ids, remembered for a while: working one out costs more than the rest of a row."""

from functools import lru_cache

from domain import canvas

course_id = lru_cache(maxsize=10_000)(canvas.course_id)
assignment_id = lru_cache(maxsize=20_000)(canvas.assignment_id)
