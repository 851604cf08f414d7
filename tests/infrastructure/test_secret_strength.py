"""Secrets of the environment that can be guessed are refused; random ones never are."""

import random
import string
from hashlib import sha256

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from infrastructure.settings.invalid_settings import InvalidSettings
from infrastructure.settings.secret_strength import (
    PUBLISHED_SECRETS,
    find_weakness,
    is_published,
)
from infrastructure.settings.settings import (
    STRONG_SECRETS,
    Settings,
    read_settings,
)
from interfaces.composition.startup_checks import require_private_secrets, secret_notices
from tests.dev_tokens import SECRET

DIGITS = sha256(b"easeboard").hexdigest()
"""64 random digits, the same in each process."""
REMOTE = "postgresql://easeboard@db.example.org/easeboard"
PUBLISHED = [
    *(secret for secret in PUBLISHED_SECRETS if len(secret) >= 32),
    "CHANGE-ME-to-something-random-0123456789",
    "please_change_this_before_going_live_42",
    "your_super_secret_jwt_key_here_make_it_long_and_random",
    "<your-jwt-secret-of-at-least-32-characters>"[1:-1],
    "placeholder-0a1b2c3d4e5f6a7b8c9d0e1f2a3b",
    "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH",
    jwt.encode({"iss": "supabase-demo", "role": "service_role"}, DIGITS),
    jwt.encode({"iss": "supabase", "role": "anon", "ref": "abcd"}, DIGITS),
    jwt.encode({"role": "service_role", "exp": 1983812996}, PUBLISHED_SECRETS[0]),
]
PREDICTABLE = [
    "x" * 32,
    "ab" * 16,
    "0123456789abcdef" * 4,
    "1234567890" * 5,
    "changeme" * 4,
    "password-password-password-password",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "zyxwvutsrqponmlkjihgfedcba9876543210",
    "0" * 31 + "1",
    "é" * 16,
    "${SUPABASE_JWT_SECRET_THAT_IS_NOT_SET}",
    "{{ vault.supabase.jwt_secret_of_production }}",
]
SHORT = ["x", "s3cr3t", DIGITS[:30], "your-256-bit-secret"]
RANDOM = st.builds(
    lambda seed, kind, length: "".join(random.Random(seed).choices(kind, k=length)),
    st.integers(0, 2**64),
    st.sampled_from(
        [string.hexdigits[:16], string.ascii_letters + string.digits + "-_", string.digits]
    ),
    st.integers(36, 128),
)


@given(RANDOM)
def test_a_random_secret_is_strong(secret: str) -> None:
    assert find_weakness(secret) is None


@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        DIGITS[:32],
        "sb_secret_Zk3-pXq8Lw0vT5nR2mYc9J_dG1hSe4U",
        jwt.encode({"iss": "supabase", "role": "service_role"}, DIGITS),
    ],
)
def test_a_secret_of_a_project_is_strong(secret: str) -> None:
    for name in STRONG_SECRETS:
        read_settings(_env_file=None, database_url=REMOTE, **{name: secret})


@pytest.mark.parametrize("name", STRONG_SECRETS)
@pytest.mark.parametrize("secret", [*SHORT, *PREDICTABLE])
def test_a_weak_secret_is_refused_everywhere(name: str, secret: str) -> None:
    for database_url in (None, REMOTE):
        with pytest.raises(InvalidSettings) as error:
            read_settings(_env_file=None, database_url=database_url, **{name: secret})
        assert f"{name.upper()} should " in str(error.value)
        assert "use the output of `openssl rand -hex 32`" in str(error.value)
        assert len(secret) < 4 or secret not in str(error.value)


@pytest.mark.parametrize("name", STRONG_SECRETS)
@pytest.mark.parametrize("secret", PUBLISHED)
def test_a_published_secret_is_for_one_machine_only(name: str, secret: str) -> None:
    settings = read_settings(_env_file=None, **{name: secret})
    for host in ("127.0.0.1", "::1", "localhost", "127.8.9.10", "::ffff:127.0.0.1"):
        require_private_secrets(settings, host)
    for host in ("0.0.0.0", "::", "192.168.1.10", "2001:db8::1", "easeboard.example.org"):  # noqa: S104  # refused
        with pytest.raises(InvalidSettings, match=name.upper()) as refusal:
            require_private_secrets(settings, host)
        assert secret not in str(refusal.value)
    assert any(notice.startswith(name.upper()) for notice in secret_notices(settings))
    with pytest.raises(InvalidSettings, match="published") as error:
        read_settings(_env_file=None, database_url=REMOTE, **{name: secret})
    assert secret not in str(error.value)
    # The database decides, whether or not its own value is right.
    with pytest.raises(InvalidSettings, match="published"):
        read_settings(_env_file=None, database_url="mysql://db", **{name: secret})


def test_every_secret_of_the_environment_has_the_checked_type() -> None:
    others = {"database_url", "database_password", "redis_url", "canvas_encryption_key"}
    found = {
        name for name, field in Settings.model_fields.items() if SecretStr.__name__ in repr(field)
    }
    assert found - others == set(STRONG_SECRETS)


def test_both_kinds_of_tokens_are_noticed() -> None:
    settings = read_settings(
        _env_file=None, supabase_url="https://x.supabase.co", supabase_jwt_secret=SECRET
    )
    (notice,) = secret_notices(settings)
    assert "both SUPABASE_URL and SUPABASE_JWT_SECRET are set" in notice
    assert secret_notices(read_settings(_env_file=None)) == []


def test_examples_of_messages_are_no_secrets() -> None:
    for name in STRONG_SECRETS:
        (example,) = Settings.model_fields[name].examples or []
        assert is_published(example)
