import stat
import time
from pathlib import Path
from uuid import UUID

import jwt
import pytest

from interfaces.http.auth.jwt_verifier import Tokens
from interfaces.http.auth.principal import NotIdentified
from tests.interfaces.cli.run_cli import easeboard

USER = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
SECRET = "a development secret, and long enough"
ELSEWHERE = "postgresql://me@db.example/easeboard"


def token(home: Path, *arguments: str, **variables: str) -> str:
    made = easeboard(home, "token", "--user", USER, *arguments, **variables)
    assert made.returncode == 0, made.stderr
    assert made.stderr == ""
    return made.stdout.strip()


def test_the_claims_are_those_of_supabase(empty_home: Path) -> None:
    made = token(
        empty_home,
        *("--role", "auditor", "--ttl", "60"),
        SUPABASE_JWT_SECRET=SECRET,
        SUPABASE_URL="https://abc.supabase.co/",
    )
    claims = jwt.decode(made, SECRET, algorithms=["HS256"], audience="authenticated")
    issued = claims.pop("iat")
    assert abs(issued - time.time()) < 30
    assert claims == {
        "sub": USER,
        "aud": "authenticated",
        "role": "authenticated",
        "exp": issued + 60,
        "app_metadata": {"role": "auditor", "roles": ["auditor"]},
        "iss": "https://abc.supabase.co/auth/v1",
    }


async def test_the_service_lets_its_bearer_in(empty_home: Path) -> None:
    made = token(empty_home, "--role", "admin", DATABASE_URL=ELSEWHERE, SUPABASE_JWT_SECRET=SECRET)
    person = await Tokens(secret=SECRET.encode(), keys=None, issuer=None)(made)
    assert person.id == UUID(USER)
    assert person.roles == {"admin"}
    with pytest.raises(NotIdentified):
        await Tokens(secret=b"another secret that is as long as that", keys=None, issuer=None)(made)


def test_the_embedded_database_brings_a_secret_that_stays(empty_home: Path) -> None:
    first, second = token(empty_home), token(empty_home)
    secret_file = empty_home / "jwt-secret"
    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    for made in (first, second):
        jwt.decode(made, secret_file.read_text(), algorithms=["HS256"], audience="authenticated")


@pytest.mark.parametrize(
    "variables", [{"DATABASE_URL": ELSEWHERE}, {"SUPABASE_URL": "https://abc.supabase.co"}]
)
def test_without_a_secret_there_is_no_token(variables: dict[str, str], empty_home: Path) -> None:
    refused = easeboard(empty_home, "token", "--user", USER, **variables)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "SUPABASE_JWT_SECRET" in refused.stderr
    assert not list(empty_home.iterdir())
