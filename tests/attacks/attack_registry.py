"""All attacks, by the name under which the command runs them."""

from tests.attacks.attack import Attack
from tests.attacks.connections import IdleConnections, SilentWebSockets
from tests.attacks.hostile_pages import EndlessPages, SomethingNewEachTime
from tests.attacks.large_documents import ReadEverything, UnreadDocuments
from tests.attacks.live_messages import MessageFlood
from tests.attacks.redaction import LongPaths
from tests.attacks.request_bodies import UnknownFields
from tests.attacks.set_ups import Amplifier, BadAddresses, HangingSetUps
from tests.attacks.tokens import BadTokens, ForwardedTokens, HangingJwks
from tests.attacks.worker_slots import SlowConnections

ATTACKS: dict[str, type[Attack]] = {
    "redaction": LongPaths,
    "idle": IdleConnections,
    "silent": SilentWebSockets,
    "tokens": BadTokens,
    "forwarded": ForwardedTokens,
    "jwks": HangingJwks,
    "bodies": UnknownFields,
    "messages": MessageFlood,
    "everything": ReadEverything,
    "unread": UnreadDocuments,
    "pages": EndlessPages,
    "new": SomethingNewEachTime,
    "hanging": HangingSetUps,
    "slow": SlowConnections,
    "amplifier": Amplifier,
    "addresses": BadAddresses,
}
