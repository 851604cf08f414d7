"""Our ids of courses and assignments, with a cache of the last ones used.

Projectors need the same ids again and again, and to compute a UUIDv5 takes longer than to build
the rest of a row.
"""

from functools import lru_cache

from domain import canvas

course_id = lru_cache(maxsize=10_000)(canvas.course_id)
assignment_id = lru_cache(maxsize=20_000)(canvas.assignment_id)
