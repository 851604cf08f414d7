"""What may happen to a connection."""

from uuid import UUID

from domain.connection import Connection
from domain.errors import CanvasUserMismatch, ConnectionIsNotActive, ConnectionNotFound
from domain.events import (
    ConnectionClosed,
    ConnectionOpened,
    ConnectionValidated,
    TokenRejected,
    TokenRotated,
)
from tests.given_when_then import STREAM, given

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
STRANGER = UUID("00000000-0000-4000-8000-00000000000b")


def opened(connection: Connection) -> None:
    connection.open(
        person_id=PERSON,
        canvas_url="https://canvas.example",
        canvas_name="Example University",
        canvas_user_id="42",
        canvas_user_name="Ada",
        token_fingerprint="11111111",
    )


def rotated(connection: Connection) -> None:
    connection.rotate_token("42", "22222222")


def rejected(connection: Connection) -> None:
    connection.reject_token("Expired")


def closed(connection: Connection) -> None:
    connection.close()


def confirmed(connection: Connection) -> None:
    connection.confirm("Ada L.")


def test_a_connection_opens() -> None:
    (content,) = given(Connection).when(opened).then(ConnectionOpened)
    assert content["canvas_url"] == "https://canvas.example"


def test_opening_twice_is_once() -> None:
    given(Connection, opened).when(opened).then()


def test_a_newer_token_takes_over() -> None:
    (content,) = given(Connection, opened).when(rotated).then(TokenRotated)
    assert content == {"token_fingerprint": "22222222"}


def test_the_same_token_twice_is_nothing_new() -> None:
    given(Connection, opened, rotated).when(rotated).then()


def test_a_token_of_somebody_else_is_refused() -> None:
    given(Connection, opened).when(
        lambda connection: connection.rotate_token("43", "33333333")
    ).then_refused(CanvasUserMismatch())


def test_a_dead_token_is_noticed_once() -> None:
    given(Connection, opened).when(rejected).then(TokenRejected)
    given(Connection, opened, rejected).when(rejected).then()


def test_a_new_token_revives_a_rejected_connection() -> None:
    revived = given(Connection, opened, rejected)
    revived.when(rotated).then(TokenRotated)
    assert revived.aggregate.status == "active"


def test_even_the_old_token_revives_when_canvas_takes_it_again() -> None:
    given(Connection, opened, rejected).when(
        lambda connection: connection.rotate_token("42", "11111111")
    ).then(TokenRotated)


def test_canvas_confirms_and_tells_a_new_name() -> None:
    confirming = given(Connection, opened)
    confirming.when(confirmed).then(ConnectionValidated)
    assert confirming.aggregate.canvas_user_name == "Ada L."


def test_a_rejected_connection_is_not_confirmed() -> None:
    given(Connection, opened, rejected).when(confirmed).then_refused(
        ConnectionIsNotActive(STREAM, "token_rejected")
    )


def test_closing_twice_is_once() -> None:
    given(Connection, opened).when(closed).then(ConnectionClosed)
    given(Connection, opened, closed).when(closed).then()


def test_a_closed_connection_takes_no_token() -> None:
    given(Connection, opened, closed).when(rotated).then_refused(
        ConnectionIsNotActive(STREAM, "closed")
    )


def test_strangers_and_the_unknown_are_answered_alike() -> None:
    given(Connection, opened).when(
        lambda connection: connection.must_belong_to(STRANGER)
    ).then_refused(ConnectionNotFound(STREAM))
    given(Connection).when(lambda connection: connection.must_belong_to(PERSON)).then_refused(
        ConnectionNotFound(STREAM)
    )


def test_a_closed_connection_is_no_longer_anybodys() -> None:
    given(Connection, opened, closed).when(
        lambda connection: connection.must_belong_to(PERSON)
    ).then_refused(ConnectionNotFound(STREAM))


def test_the_second_connection_to_one_canvas_has_another_id() -> None:
    ids = {Connection.id_for(PERSON, "https://canvas.example", nth) for nth in (1, 1, 2)}
    assert len(ids) == 2
