"""The JSON of users, profiles and teachers."""

import hashlib
from functools import lru_cache
from typing import Any

from infrastructure.canvas_sandbox.model import Person
from infrastructure.canvas_sandbox.sandbox_clock import format_local_time

USERS_CREATED_AT = 1_724_800_000


@lru_cache(maxsize=50_000)
def opaque_id(*parts: object, length: int = 40) -> str:
    """A hexadecimal value that depends only on `parts`, for uuids and anonymous ids."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:length]


def avatar_url(domain: str) -> str:
    """The URL of the default picture, which all users have."""
    return f"https://{domain}/images/messages/avatar-50.png"


def serialize_user(person: Person, domain: str) -> dict[str, Any]:
    """Serialize a user (`GET /users/self`); `created_at` is in the time zone of the user."""
    family = person.name.rsplit(" ", 1)
    return {
        "id": person.id,
        "name": person.name,
        "created_at": format_local_time(USERS_CREATED_AT),
        "sortable_name": ", ".join(reversed(family)),
        "short_name": person.name,
        "avatar_url": avatar_url(domain),
        "locale": None,
        "effective_locale": "en",
        "permissions": {
            "can_update_name": True,
            "can_update_avatar": False,
            "limit_parent_app_web_access": False,
        },
    }


def serialize_profile(person: Person, domain: str) -> dict[str, Any]:
    """Serialize a profile (`GET /users/self/profile`); in Canvas the calendar URL is a secret."""
    login = f"student{person.id}"
    user = serialize_user(person, domain)
    fields = {key: user[key] for key in ("id", "name", "short_name", "sortable_name", "avatar_url")}
    return fields | {
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
            "ics": f"https://{domain}/feeds/calendars/user_{opaque_id('ics', person.id)}.ics"
        },
        "lti_user_id": opaque_id("lti", person.id),
        "k5_user": False,
    }


def serialize_teacher(person: Person, domain: str) -> dict[str, Any]:
    """Serialize a teacher of a course."""
    return {
        "id": person.id,
        "anonymous_id": opaque_id("anonymous", person.id, length=5),
        "display_name": person.name,
        "avatar_image_url": avatar_url(domain),
        "html_url": f"https://{domain}/about/{person.id}",
        "pronouns": None,
    }
