import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.settings.database_password import to_database_url
from infrastructure.settings.database_url import InvalidDatabaseUrl

PASSWORDS = (
    "a@b", "a/b", "a%b", "a b", "a'b", "a\\b", 'a"b', "a%41b", "#?&=:", "ä€", " a ", "''", "'",
    "' host=elsewhere '", "x@elsewhere:5432/other?sslmode=disable", "\\'",
)  # fmt: skip
EXPECTED = {"user": "ada", "host": "db", "port": "5433", "dbname": "grades"}


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada@db:5433/grades",
        "postgresql://ada:old@db:5433/grades",
        "host=db port=5433 dbname=grades user=ada",
        "host=db port=5433 dbname=grades user=ada password=old",
        "host=db port=5433 dbname=grades user=ada password='{}'",
        "password='{}' host=db port=5433 dbname=grades user=ada",
    ],
)
def test_a_password_apart_replaces_the_one_of_the_address(address: str, password: str) -> None:
    url = to_database_url(address.replace("{}", password), password)
    assert conninfo_to_dict(url) == EXPECTED | {"password": password}


@pytest.mark.parametrize(
    "address",
    [
        "host=h1,h2 port=1,2 dbname=d user=u password='it''s' target_session_attrs=any",
        "host=/var/run/postgresql dbname='a database' user=u",
        "host=::1 dbname=d user=u sslmode=verify-full sslrootcert='/a file.pem'",
        "dbname=d",
    ],
)
def test_every_parameter_of_the_keyword_form_is_kept(address: str) -> None:
    address = address.replace("''", "\\'")
    assert conninfo_to_dict(to_database_url(address)) == conninfo_to_dict(address)


def test_a_url_without_a_password_apart_stays_as_it_is() -> None:
    assert to_database_url("postgresql://a:b%zz@db/d") == "postgresql://a:b%zz@db/d"


@pytest.mark.parametrize("address", ["mysql://a@b/c", "host", "hostname=db", "host='db"])
def test_what_libpq_cannot_parse_is_refused(address: str) -> None:
    with pytest.raises(InvalidDatabaseUrl):
        to_database_url(address)
