import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from interfaces.http.auth.key_set import JwksUnusable, parse_jwks
from tests.dev_tokens import SigningKey

KEY_ONE = SigningKey("one", "ES256")


def test_unusable_keys_are_ignored() -> None:
    usable = KEY_ONE.public_jwk
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505  # a key that must be refused
    short_key = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwks_keys = [
        usable,
        {**usable, "kid": "no-sig", "use": "enc"},
        {**usable, "kid": "private", "d": "AAAA"},
        {**usable, "kid": "wrong-alg", "alg": "HS256"},
        {**usable, "kid": "wrong-curve", "crv": "P-384"},
        {**usable, "kid": "broken", "x": "!"},
        {**usable, "kid": 7},
        {"kty": "oct", "kid": "secret", "k": "AAAA"},
        {**short_key, "kid": "short"},
        "nonsense",
    ]
    document = b'{"keys": %s}' % orjson.dumps(jwks_keys)
    assert list(parse_jwks(document)) == ["one"]


@pytest.mark.parametrize(
    ("body", "is_symmetric"),
    [
        (b'{"keys": []}', True),
        (b'{"keys": [{"kty": "oct"}]}', True),
        (b'{"keys": ["nonsense", {"kty": "OKP"}]}', False),
        (b'{"keys": 1}', False),
        (b"<html>", False),
    ],
)
def test_a_document_without_usable_keys_is_refused_with_the_reason(
    body: bytes, *, is_symmetric: bool
) -> None:
    with pytest.raises(JwksUnusable) as refused:
        parse_jwks(body)
    assert refused.value.is_symmetric == is_symmetric


@settings(deadline=None)
@given(body=st.binary() | st.text().map(str.encode))
def test_no_document_crashes_the_parser(body: bytes) -> None:
    with pytest.raises(JwksUnusable):
        parse_jwks(body)


_PARTS = (
    st.none() | st.integers(0, 9) | st.text(max_size=9) | st.lists(st.text(max_size=3), max_size=2)
)


@settings(deadline=None)
@given(
    item=st.fixed_dictionaries(
        {"kty": st.sampled_from(["EC", "RSA", "oct", "OKP"]), "kid": _PARTS},
        optional={
            name: _PARTS | st.sampled_from(["P-256", "AQAB", KEY_ONE.public_jwk["x"]])
            for name in ("crv", "x", "y", "n", "e", "alg", "use", "d", "key_ops")
        },
    )
)
def test_no_key_crashes_the_parser(item: dict[str, object]) -> None:
    document = {"keys": [KEY_ONE.public_jwk, item]}
    assert "one" in parse_jwks(orjson.dumps(document))
