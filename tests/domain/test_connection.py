"""The decisions of the Connection aggregate, and the events that it records."""

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
OTHER_PERSON = UUID("00000000-0000-4000-8000-00000000000b")


def open_connection(connection: Connection) -> None:
    connection.open(
        person_id=PERSON,
        canvas_url="https://canvas.example",
        canvas_name="Example University",
        canvas_user_id="42",
        canvas_user_name="Ada",
        token_fingerprint="11111111",
    )


def rotate(connection: Connection) -> None:
    connection.rotate_token("42", "22222222")


def reject(connection: Connection) -> None:
    connection.reject_token("Expired")


def close(connection: Connection) -> None:
    connection.close()


def validate(connection: Connection) -> None:
    connection.record_validation("Ada L.")


def test_a_connection_opens() -> None:
    (content,) = given(Connection).when(open_connection).then(ConnectionOpened)
    assert content["canvas_url"] == "https://canvas.example"


def test_opening_twice_records_one_event() -> None:
    given(Connection, open_connection).when(open_connection).then()


def test_a_new_token_is_recorded() -> None:
    (content,) = given(Connection, open_connection).when(rotate).then(TokenRotated)
    assert content == {"token_fingerprint": "22222222"}


def test_the_same_token_again_records_nothing() -> None:
    given(Connection, open_connection, rotate).when(rotate).then()


def test_a_token_of_another_canvas_user_is_refused() -> None:
    given(Connection, open_connection).when(
        lambda connection: connection.rotate_token("43", "33333333")
    ).then_refused(CanvasUserMismatch())


def test_a_rejected_token_is_recorded_once() -> None:
    given(Connection, open_connection).when(reject).then(TokenRejected)
    given(Connection, open_connection, reject).when(reject).then()


def test_a_new_token_reactivates_a_rejected_connection() -> None:
    reactivated = given(Connection, open_connection, reject)
    reactivated.when(rotate).then(TokenRotated)
    assert reactivated.aggregate.status == "active"


def test_the_old_token_reactivates_the_connection_when_canvas_accepts_it_again() -> None:
    given(Connection, open_connection, reject).when(
        lambda connection: connection.rotate_token("42", "11111111")
    ).then(TokenRotated)


def test_a_validation_records_the_new_user_name() -> None:
    validated = given(Connection, open_connection)
    validated.when(validate).then(ConnectionValidated)
    assert validated.aggregate.canvas_user_name == "Ada L."


def test_a_rejected_connection_cannot_be_validated() -> None:
    given(Connection, open_connection, reject).when(validate).then_refused(
        ConnectionIsNotActive(STREAM, "token_rejected")
    )


def test_closing_twice_records_one_event() -> None:
    given(Connection, open_connection).when(close).then(ConnectionClosed)
    given(Connection, open_connection, close).when(close).then()


def test_a_closed_connection_accepts_no_token() -> None:
    given(Connection, open_connection, close).when(rotate).then_refused(
        ConnectionIsNotActive(STREAM, "closed")
    )


def test_another_person_and_an_unknown_connection_get_the_same_error() -> None:
    given(Connection, open_connection).when(
        lambda connection: connection.require_owner(OTHER_PERSON)
    ).then_refused(ConnectionNotFound(STREAM))
    given(Connection).when(lambda connection: connection.require_owner(PERSON)).then_refused(
        ConnectionNotFound(STREAM)
    )


def test_a_closed_connection_is_not_found() -> None:
    given(Connection, open_connection, close).when(
        lambda connection: connection.require_owner(PERSON)
    ).then_refused(ConnectionNotFound(STREAM))


def test_the_second_connection_to_one_canvas_has_another_id() -> None:
    ids = {Connection.id_for(PERSON, "https://canvas.example", nth) for nth in (1, 1, 2)}
    assert len(ids) == 2
