"""Users, and what only they see of themselves."""

import hashlib
from functools import lru_cache
from typing import Any

from infrastructure.canvas_sandbox.model import Person
from infrastructure.canvas_sandbox.sandbox_clock import iso_local

SINCE = 1_724_800_000


@lru_cache(maxsize=50_000)
def opaque(*parts: object, length: int = 40) -> str:
    """An opaque value that is the same for ever, as uuids and anonymous ids are."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:length]


def avatar(domain: str) -> str:
    """Where everybody's picture is."""
    return f"https://{domain}/images/messages/avatar-50.png"


def user(person: Person, domain: str) -> dict[str, Any]:
    """`GET /users/self`; `created_at` is in the user's own zone."""
    family = person.name.rsplit(" ", 1)
    return {
        "id": person.id,
        "name": person.name,
        "created_at": iso_local(SINCE),
        "sortable_name": ", ".join(reversed(family)),
        "short_name": person.name,
        "avatar_url": avatar(domain),
        "locale": None,
        "effective_locale": "en",
        "permissions": {
            "can_update_name": True,
            "can_update_avatar": False,
            "limit_parent_app_web_access": False,
        },
    }


def profile(person: Person, domain: str) -> dict[str, Any]:
    """`GET /users/self/profile`; the calendar's address is a secret."""
    login = f"student{person.id}"
    about = user(person, domain)
    kept = {key: about[key] for key in ("id", "name", "short_name", "sortable_name", "avatar_url")}
    return kept | {
        "title": None,
        "bio": None,
        "pronunciation": None,
        "primary_email": f"{login}@{domain}",
        "login_id": login,
        "integration_id": None,
        "time_zone": "America/Denver",
        "locale": None,
        "effective_locale": "en",
        "calendar": {
            "ics": f"https://{domain}/feeds/calendars/user_{opaque('ics', person.id)}.ics"
        },
        "lti_user_id": opaque("lti", person.id),
        "k5_user": False,
    }


def teacher(person: Person, domain: str) -> dict[str, Any]:
    """A teacher as courses list them."""
    return {
        "id": person.id,
        "anonymous_id": opaque("anonymous", person.id, length=5),
        "display_name": person.name,
        "avatar_image_url": avatar(domain),
        "html_url": f"https://{domain}/about/{person.id}",
        "pronouns": None,
    }
