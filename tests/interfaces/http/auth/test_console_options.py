"""Which settings give the console which way to sign in."""

from uuid import UUID

import jwt
import pytest

from infrastructure.settings.settings import read_settings
from interfaces.http.auth.console_options import (
    ADMIN_ID,
    AUDITOR_ID,
    STUDENT_ID,
    ConsoleDemo,
    ConsoleOptions,
    console_options,
)
from tests.dev_tokens import ADA, SECRET

PROJECT, ANON_KEY = "https://abc.supabase.co", "sb_publishable_abc"
DATABASE = "postgresql://me@db.example/easeboard"


def options_of(**values: str) -> ConsoleOptions:
    options = console_options(read_settings(_env_file=None, **values))
    assert options is not None
    return options


def test_the_setting_switches_the_console_off() -> None:
    settings = read_settings(_env_file=None, console="Off")
    assert console_options(settings) is None
    assert console_options(settings, ConsoleDemo("http://127.0.0.1:9000", ADA)) is None


def test_supabase_needs_the_project_and_its_key_for_browsers() -> None:
    both = options_of(supabase_url=PROJECT, supabase_anon_key=ANON_KEY)
    assert (both.supabase, both.development) == ((PROJECT, ANON_KEY), None)
    for values in ({"supabase_url": PROJECT}, {"database_url": DATABASE}):
        options = options_of(**values)
        assert (options.supabase, options.development) == (None, None)


@pytest.mark.parametrize(
    "values",
    [
        {"supabase_url": PROJECT},
        {"supabase_issuer": "https://auth.school.edu/auth/v1"},
        {"database_url": DATABASE, "supabase_jwt_secret": SECRET},
    ],
    ids=str,
)
def test_tokens_are_not_for_development_where_people_have_others(values: dict[str, str]) -> None:
    assert options_of(**values).development is None


def test_the_embedded_database_has_tokens_for_development() -> None:
    development = options_of(supabase_jwt_secret=SECRET).development
    assert development is not None
    users = {role: development.user_of(role) for role in ("student", "auditor", "admin")}
    assert users == {"student": STUDENT_ID, "auditor": AUDITOR_ID, "admin": ADMIN_ID}
    token = development.sign(users["auditor"], "auditor", 60)
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="authenticated")
    assert (UUID(claims["sub"]), claims["app_metadata"]["roles"]) == (AUDITOR_ID, ["auditor"])
    assert claims["exp"] - claims["iat"] == 60


def test_a_demo_has_its_student_and_its_sandbox() -> None:
    demo = ConsoleDemo("http://127.0.0.1:9000/sandbox", ADA)
    settings = read_settings(_env_file=None, database_url=DATABASE, supabase_jwt_secret=SECRET)
    options = console_options(settings, demo)
    assert options is not None
    assert options.development is not None
    assert options.development.user_of("student") == ADA
    assert options.control_url == "http://127.0.0.1:9000/sandbox"
    assert options.origins == ("http://127.0.0.1:9000",)


def test_the_page_may_send_requests_to_the_project() -> None:
    options = options_of(supabase_url=f"{PROJECT}/prefix", supabase_anon_key=ANON_KEY)
    assert options.origins == (PROJECT,)
    assert options_of().origins == ()
