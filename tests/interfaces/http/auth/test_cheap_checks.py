"""A token that can be refused without a signature check is refused without one."""

from typing import Any

import pytest

from interfaces.http.auth.jwt_verifier import JwtVerifier
from interfaces.http.auth.principal import Authenticator, InvalidToken
from interfaces.http.auth.signature_checks import Check, SignatureChecks
from tests.interfaces.http.auth.bad_tokens import (
    BAD_CLAIMS,
    EC_KEY,
    FOREIGN_KEY,
    SELF_CHOSEN_CHECKS,
    WRONG_KEYS,
    Signer,
    claims,
    forge_token,
)
from tests.interfaces.http.jwks_server import FakeJwksServer


class CountedChecks(SignatureChecks):
    """Counts the signature checks."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def run(self, address: str, check: Check) -> dict[str, Any]:
        self.count += 1
        return await super().run(address, check)


def count_checks(authenticator: Authenticator) -> CountedChecks:
    assert isinstance(authenticator, JwtVerifier)
    checks = authenticator._checks = CountedChecks()
    return checks


NO_CHECK_NEEDED: dict[str, Signer] = {
    "no-parts": lambda _: "garbage",
    "two-parts": lambda claim_set: EC_KEY.sign(claim_set).rpartition(".")[0],
    "four-parts": lambda claim_set: EC_KEY.sign(claim_set) + ".x",
    "header-no-object": lambda claim_set: forge_token([1], claim_set),
    "no-alg": lambda claim_set: forge_token({}, claim_set),
    "no-kid": WRONG_KEYS["no-kid"],
    "unknown-kid": WRONG_KEYS["unknown-kid"],
    "kid-of-the-rsa-key": WRONG_KEYS["kid-of-the-rsa-key"],
    "alg-none": SELF_CHOSEN_CHECKS["none"],
    "unaccepted-alg": SELF_CHOSEN_CHECKS["hs512-with-the-secret"],
    "claims-no-object": lambda _: forge_token({"alg": "HS256"}, [1]),
    "deep": lambda _: f"e30.{'W1tb' * 1900}.e30",
    "too-long": lambda claim_set: EC_KEY.sign({**claim_set, "more": "x" * 9000}),
}


@pytest.mark.parametrize("case", [*NO_CHECK_NEEDED, *BAD_CLAIMS])
async def test_what_can_be_seen_without_it_is_refused_before_a_signature_check(
    jwks_server: FakeJwksServer, authenticate: Authenticator, case: str
) -> None:
    await authenticate(EC_KEY.sign(claims(jwks_server)))
    checks = count_checks(authenticate)
    make_token = NO_CHECK_NEEDED.get(case, EC_KEY.sign)
    with pytest.raises(InvalidToken):
        await authenticate(make_token(claims(jwks_server, **BAD_CLAIMS.get(case, {}))))
    assert checks.count == 0


async def test_the_signature_of_a_forged_token_is_checked_once(
    jwks_server: FakeJwksServer, authenticate: Authenticator
) -> None:
    checks = count_checks(authenticate)
    forged = FOREIGN_KEY.sign(claims(jwks_server))
    for _ in range(5):
        with pytest.raises(InvalidToken):
            await authenticate(forged)
    assert checks.count == 1
