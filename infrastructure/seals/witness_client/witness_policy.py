"""Reads the policy file of SEAL_WITNESSES, and requires addresses that requests can be sent to."""

from pathlib import Path

from yarl import URL

from infrastructure.seals.policy_file import MAX_POLICY_BYTES, PolicyMalformed, parse_policy
from infrastructure.seals.trust_policy import PolicyWitness, TrustPolicy

SETTING = "SEAL_WITNESSES"


class WitnessPolicyUnusable(Exception):
    """The file of SEAL_WITNESSES cannot be used; the message names the line and the rule."""


def read_witness_policy(file: Path) -> TrustPolicy:
    """Return the policy of a file.

    Raises: WitnessPolicyUnusable.
    """
    try:
        with file.open("rb") as stream:
            policy = parse_policy(stream.read(MAX_POLICY_BYTES + 1))
    except OSError as error:
        raise WitnessPolicyUnusable(
            f"{SETTING}: {file} cannot be read ({error.strerror}): name a policy file of C2SP "
            "tlog-policy that this user may read."
        ) from error
    except PolicyMalformed as error:
        raise WitnessPolicyUnusable(f"{SETTING}: {file}: {error}.") from error
    for witness in policy.witnesses:
        _require_address(file, witness)
    return policy


def _require_address(file: Path, witness: PolicyWitness) -> None:
    if witness.url is None:
        return
    try:
        witness.url.encode()
        url = URL(witness.url)
        is_usable = url.scheme in {"http", "https"} and bool(url.host)
        is_plain = not (url.user or url.password or url.query_string or url.fragment)
    except ValueError:
        is_usable = is_plain = False
    if not (is_usable and is_plain):
        raise WitnessPolicyUnusable(
            f"{SETTING}: {file}: the URL of the witness {witness.key.name} is no address of http "
            "or https without a name, a password and a query, such as https://witness.example/."
        )
