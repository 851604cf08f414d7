"""SUPABASE_ANON_KEY must be a key for browsers."""

import jwt
import pytest

from infrastructure.settings.invalid_settings import InvalidSettings
from infrastructure.settings.settings import read_settings

KEY = "x" * 32
PUBLIC = [
    "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH",
    jwt.encode({"iss": "supabase", "role": "anon", "ref": "abcd"}, KEY),
    jwt.encode({"iss": "supabase"}, KEY),
    "an-opaque.key",
    "three.opaque.parts",
]
REFUSED = {
    "sb_secret_N7UND0UgjKTVK-Uodkm0Hg": "is a secret key",
    jwt.encode({"iss": "supabase", "role": "service_role"}, KEY): "is a service role key",
    jwt.encode({"role": "authenticated", "sub": "1"}, KEY): "is a token of another role",
    "two keys": "no spaces",
    "schlüssel": "no spaces",
}


@pytest.mark.parametrize("key", PUBLIC)
def test_a_public_key_is_accepted(key: str) -> None:
    assert read_settings(_env_file=None, supabase_anon_key=f" {key}\n").supabase_anon_key == key


@pytest.mark.parametrize("key", REFUSED)
def test_a_key_that_must_stay_secret_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidSettings) as refusal:
        read_settings(_env_file=None, supabase_anon_key=key)
    assert refusal.value.names == {"supabase_anon_key"}
    message = str(refusal.value)
    assert "SUPABASE_ANON_KEY should be the anon key or the publishable key" in message
    assert REFUSED[key] in message
    assert key not in message
