"""Kept documents: what is found, what is refused, and how much is kept."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from domain.log_position import LogPosition
from infrastructure.subscriptions.followed_log import VALID_SECONDS, FollowedLog
from interfaces.consistency_token import encode_consistency_token
from interfaces.queries.kept_documents import ENTRY_BYTES, KeptDocument, KeptDocuments
from tests.dev_tokens import ADA, BOB

TIMELINE = 7
KEY = "courses?limit=100"


class Clocks:
    """The monotonic time of the process, and the present time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.began_at = datetime(2026, 11, 27, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.began_at + timedelta(seconds=self.seconds)


class Kept:
    """Kept documents of a process that knows the log up to position 100."""

    def __init__(self, *, max_people: int = 100, **limits: int) -> None:
        self.clocks = Clocks()
        self.log = FollowedLog(clock=self.clocks.monotonic, max_people=max_people)
        self.documents = KeptDocuments(self.log, now=self.clocks.now, **limits)
        self.log.begin(at(100))
        self.log.confirm(0.0)

    def keep(
        self,
        person: UUID = ADA,
        *,
        key: str = KEY,
        size: int = 10,
        position: int = 100,
        timeline: int = TIMELINE,
        changes_at: datetime | None = None,
        open_circuits: int | None = None,
    ) -> KeptDocument:
        """Keep a document as a request does, which asks for it first."""
        self.documents.find(person, key)
        place = LogPosition(timeline, position)
        headers = ((b"consistency-token", encode_consistency_token(place).encode()),)
        content = b"x" * size
        document = KeptDocument(b'"e"', content, False, size, headers, changes_at, open_circuits)
        self.documents.keep(person, key, document, place)
        return document

    def has(self, person: UUID = ADA, key: str = KEY) -> bool:
        return self.documents.find(person, key) is not None


def at(position: int) -> LogPosition:
    return LogPosition(TIMELINE, position)


def test_a_kept_document_is_found_by_its_person_and_key() -> None:
    kept = Kept()
    document = kept.keep()
    assert kept.documents.find(ADA, KEY) == document
    assert not kept.has(BOB)
    assert not kept.has(key="courses?limit=5")


def test_an_event_of_the_person_drops_their_documents_and_no_others() -> None:
    kept = Kept()
    kept.keep()
    kept.keep(BOB)
    kept.log.advance(105, {ADA: 103})
    assert not kept.has()
    assert kept.has(BOB)


def test_a_document_that_has_the_event_already_stays() -> None:
    kept = Kept()
    kept.keep(position=103)
    kept.log.advance(105, {BOB: 105, uuid4(): 104})
    assert kept.has()
    kept.keep(BOB, position=105)
    assert kept.has(BOB)


def test_what_was_read_before_a_known_event_is_not_kept() -> None:
    kept = Kept()
    kept.log.advance(105, {ADA: 103})
    kept.keep(position=102)
    assert not kept.has()


def test_a_slow_read_does_not_replace_the_document_of_a_later_state() -> None:
    kept = Kept()
    newer = kept.keep(position=103)
    kept.keep(position=102)
    assert kept.documents.find(ADA, KEY) == newer, "the event at 103 is not known yet"


def test_a_person_who_was_shown_a_state_is_shown_no_older_one() -> None:
    kept = Kept()
    kept.keep()
    kept.keep(BOB)
    kept.documents.note_shown(ADA, at(104))
    kept.documents.note_shown(ADA, at(103))
    assert not kept.has(), "an event up to 104 may be hers"
    assert kept.has(BOB)
    kept.keep(key="later", position=104)
    assert kept.has(key="later")
    kept.log.advance(104, {BOB: 104})
    assert kept.has(), "it was not"


def test_what_was_shown_before_a_restore_ends_nothing_after_it() -> None:
    kept = Kept()
    kept.documents.note_shown(ADA, at(900))
    kept.log.begin(at(100))
    kept.log.confirm(0.0)
    kept.documents.note_shown(ADA, LogPosition(TIMELINE - 1, 900))
    kept.keep()
    assert kept.has()


def test_what_was_read_before_the_remembered_changes_is_not_kept() -> None:
    kept = Kept(max_people=2)
    kept.keep(position=99)
    assert not kept.has(), "before this process began to follow"
    kept.keep(BOB)
    kept.log.advance(110, {ADA: 105, uuid4(): 106, uuid4(): 107})
    assert not kept.has(BOB), "whether they changed may be forgotten"
    kept.keep(position=104)
    assert not kept.has(), "their change is forgotten"
    kept.keep(position=107)
    assert kept.has()


def test_a_document_is_found_only_while_the_log_is_followed() -> None:
    kept = Kept()
    kept.keep()
    kept.clocks.seconds = VALID_SECONDS - 0.01
    assert kept.has()
    kept.clocks.seconds = VALID_SECONDS
    assert not kept.has()
    kept.log.confirm(VALID_SECONDS)
    assert kept.has()


def test_after_a_doubt_nothing_counts_until_a_reading_that_begins_later() -> None:
    kept = Kept()
    kept.keep()
    kept.clocks.seconds = 0.1
    kept.log.doubt()
    assert not kept.has()
    kept.keep(key="another")
    for began in (0.05, 0.1):
        kept.log.confirm(began)
        assert not kept.has(), "this reading began before the doubt"
    kept.log.confirm(0.11)
    assert kept.has()
    assert not kept.has(key="another"), "it was read during the doubt"


def test_the_circuits_end_only_what_shows_them() -> None:
    kept = Kept()
    kept.keep(key="courses")
    kept.keep(key="connections", open_circuits=0)
    assert kept.has(key="connections")
    kept.log.confirm(0.0, open_circuits=5)
    assert not kept.has(key="connections")
    assert kept.has(key="courses")
    kept.keep(key="connections", open_circuits=5)
    assert kept.has(key="connections")


def test_the_clock_ends_a_document() -> None:
    kept = Kept()
    kept.keep(changes_at=kept.clocks.now() + timedelta(seconds=1))
    kept.clocks.seconds = 0.99
    assert kept.has()
    kept.clocks.seconds = 1.0
    assert not kept.has()
    kept.keep()
    kept.clocks.seconds = 0.5
    assert not kept.has(), "the clock was set back"


def test_a_switch_while_a_document_is_read_lets_it_be_kept_by_nobody() -> None:
    kept = Kept()
    kept.keep()
    kept.log.begin(at(100))
    kept.log.confirm(0.0)
    assert not kept.has(key="another"), "this task has asked since"
    kept.keep()
    assert kept.has()
    document = KeptDocument(b'"e"', b"", False, 0, (), None)
    kept.log.begin(at(100))
    kept.log.confirm(0.0)
    kept.documents.keep(ADA, "late", document, at(100))
    assert not kept.has(key="late"), "it was read before the switch"


def test_a_document_of_another_timeline_is_not_kept() -> None:
    kept = Kept()
    kept.keep(timeline=TIMELINE + 1)
    assert not kept.has()


def test_the_bytes_are_limited_and_what_was_asked_for_longest_ago_goes_first() -> None:
    entry = ENTRY_BYTES + 1_200
    kept = Kept(max_bytes=3 * entry, max_bytes_of_person=2 * entry)
    people = [uuid4() for _ in range(3)]
    for person in people:
        kept.keep(person, size=1_000)
    assert kept.has(people[0])
    kept.keep(uuid4(), size=1_000)
    assert [kept.has(person) for person in people] == [True, False, True]


def test_one_person_has_a_share_of_the_bytes() -> None:
    entry = ENTRY_BYTES + 1_200
    kept = Kept(max_bytes=100 * entry, max_bytes_of_person=2 * entry)
    kept.keep(BOB, size=1_000)
    for number in range(5):
        kept.keep(key=str(number), size=1_000)
    assert [kept.has(key=str(number)) for number in range(5)] == [False, False, False, True, True]
    kept.keep(key="large", size=2 * entry)
    assert not kept.has(key="large")
    assert kept.has(BOB)


def test_the_number_of_documents_is_limited() -> None:
    kept = Kept(max_documents=2)
    for number in range(3):
        kept.keep(key=str(number))
    assert [kept.has(key=str(number)) for number in range(3)] == [False, True, True]
