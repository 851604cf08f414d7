"""The students of a sandbox; each is generated when first used, so that many cost little."""

from collections.abc import Callable, Iterable, Iterator

from infrastructure.canvas_sandbox.enrolled_students import Student
from infrastructure.canvas_sandbox.generator.generate_students import person_of

FIRST_STUDENT_ID = person_of(0, 1).id


class StudentRoll:
    """All students by their index; students that were never used take no memory."""

    def __init__(self, count: int, generate: Callable[[int], Student]) -> None:
        self._count = count
        self._generate = generate
        self._generated: dict[int, Student] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Student:
        """The student with this index.

        Raises: IndexError if there is none.
        """
        if not 0 <= index < self._count:
            raise IndexError(f"there is no student {index}; the last one is {self._count - 1}")
        student = self._generated.get(index)
        if student is None:
            student = self._generated[index] = self._generate(index)
        return student

    def __iter__(self) -> Iterator[Student]:
        return (self[index] for index in range(self._count))

    def generated(self) -> Iterable[Student]:
        """The students that were used so far."""
        return self._generated.values()

    def has_user(self, user_id: int) -> bool:
        """Whether one of the students is the Canvas user with this id."""
        return 0 <= user_id - FIRST_STUDENT_ID < self._count
