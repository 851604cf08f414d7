"""Addresses and tokens are found in the text that people paste, and nothing else is."""

import re
import time
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from domain.errors import CanvasUrlNotAllowed
from infrastructure.canvas.host_policy import HostPolicy
from infrastructure.canvas.pasted_text import INVISIBLE, find_token
from tests.deadlines import scaled

ORIGIN = "https://school.instructure.com"
POLICY = HostPolicy(["*"], ["127.0.0.1:9001"])
TOKEN = "1234~" + "aB3" * 21 + "k"

INVISIBLE_CHARACTERS = (
    "\u200b",  # zero-width space
    "\ufeff",  # byte order mark
    "\u200e\u200f",  # direction marks
    "\u2066\u2069",  # direction isolates
    "\u200c\u200d",  # joiners
    "\u00ad",  # soft hyphen
    "\u2060",  # word joiner
    "\ufe0f",  # variation selector
)
TAILS = [
    "",
    "/",
    "//",
    "/profile/settings",
    "/api/v1",
    "/api/v1/",
    "/courses/123",
    "/courses/123/assignments/5?module_item_id=3#comments",
    "/?login_success=1",
    "/login/canvas",
    " ",
    "?x=y",
    "#top",
    "/courses/1/files?preview=2&sort=name",
    "/files/a file.pdf",
    "/a\\b",
    "/\nMy Canvas",
    "/users/@me",
    "/login?next=https://evil.example/",
    "/login/saml?SAMLRequest=" + "x" * 5000,
    ":",
    ".",
    "),",
]
HOST_LABELS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(HOST_LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "edu"]))
SCHEMES = st.sampled_from(
    ["", "https://", "http://", "HTTPS://", "https:", "https:/", "//", "https://https://"]
)
PATHS = st.sampled_from(["", "/", "?", "#", "/ "]).flatmap(
    lambda start: st.text(max_size=30).map(lambda end: start and start + end)
)
AROUND = st.text(st.sampled_from([" ", "\n", '"', "'", "\u201c", "\u201d", "\u00a0", "\u200b"]))
TOKENS = st.from_regex(r"(?:[0-9]{1,5}~)?[A-Za-z0-9]{20,64}", fullmatch=True)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("host", [ORIGIN, "http://127.0.0.1:9001"])
def test_every_address_on_a_canvas_is_its_origin(host: str, tail: str) -> None:
    assert POLICY.allowed_origin(host + tail) == host


@pytest.mark.parametrize(
    "address",
    [
        "school.instructure.com/courses",
        "//school.instructure.com/courses",
        "http://school.instructure.com",
        "HTTP://SCHOOL.instructure.COM:80/",
        "https:school.instructure.com",
        "https:/school.instructure.com",
        "https:///school.instructure.com",
        "https//school.instructure.com",
        "https:// school.instructure.com",
        "https://https://school.instructure.com",
        "http://https://school.instructure.com",
        "view-source:https://school.instructure.com/courses",
        "https://school.instructure.com.",
        "<https://school.instructure.com>",
        "(https://school.instructure.com/courses).",
        "\u201cschool.instructure.com\u201d,",
        "'https://school.instructure.com'",
        "\u00bbhttps://school.instructure.com\u00ab",
        " \r\n\thttps://school.instructure.com\u00a0\n",
        "https://school\u3002instructure\u3002com",
    ],
)
def test_what_people_paste_around_an_address_is_left_out(address: str) -> None:
    assert POLICY.allowed_origin(address) == ORIGIN


@pytest.mark.parametrize("invisible", INVISIBLE_CHARACTERS)
def test_invisible_characters_are_left_out(invisible: str) -> None:
    address = "".join(f"{invisible}{char}" for char in f"{ORIGIN}/courses") + invisible
    assert POLICY.allowed_origin(address) == ORIGIN
    assert find_token("".join(f"{invisible}{char}" for char in TOKEN) + invisible) == TOKEN


def test_a_joiner_in_a_name_that_is_not_ascii_is_not_left_out() -> None:
    with_joiner = "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example"
    assert POLICY.allowed_origin(with_joiner.replace("\u200c", ""))
    with pytest.raises(CanvasUrlNotAllowed):  # the client does not support it
        POLICY.allowed_origin(with_joiner)


@pytest.mark.parametrize(
    "address",
    [
        "https://ada:secret@school.instructure.com/x?y",
        "HTTP://ada:secret@school.instructure.com",
        "//ada:secret@school.instructure.com",
        "ada:secret@school.instructure.com",
        "ada@school.instructure.com",
    ],
)
def test_a_name_and_a_password_have_to_be_removed(address: str) -> None:
    with pytest.raises(CanvasUrlNotAllowed, match="Remove the user name") as refused:
        POLICY.allowed_origin(address)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["ftp://school.edu", "ftp://ada:secret@school.edu", "mailto:x", "file:///a"]
)
def test_another_scheme_is_refused(address: str) -> None:
    with pytest.raises(CanvasUrlNotAllowed, match="only used over https") as refused:
        POLICY.allowed_origin(address)
    assert "secret" not in str(refused.value)


@given(SCHEMES, HOSTS, PATHS, AROUND, AROUND)
def test_the_host_is_always_the_one_that_was_typed(
    scheme: str, host: str, path: str, before: str, after: str
) -> None:
    assert POLICY.allowed_origin(f"{before}{scheme}{host}{path}{after}") == f"https://{host}"


@given(st.text() | st.from_regex(r"(?:https?:)?[/\\]{0,3}[a-z.@:/?#\\ \[\]%]{0,30}"))
@example("https://a.edu\\@b.edu")
@example("https://a.edu@b.edu")
@example("https://a.edu\ud800")
@example("https://a.edu\uff0f@b.edu")
@example("https://a.edu\u2100b.edu")
def test_no_text_leads_to_a_host_that_is_not_in_it(text: str) -> None:
    try:
        origin = POLICY.allowed_origin(text)
    except CanvasUrlNotAllowed:
        return
    assert POLICY.allowed_origin(origin) == origin
    visible = INVISIBLE.sub("", text)
    if visible.isascii():
        assert origin.removeprefix("https://") in visible.lower()


@given(st.from_regex(r"https?://[aB1.@\\\[-][aB1./@:?#\\\[\]%_-]*[aB1/?#]", fullmatch=True))
def test_the_host_is_the_one_that_a_client_would_connect_to(address: str) -> None:
    try:
        origin = POLICY.allowed_origin(address)
    except CanvasUrlNotAllowed:
        return
    assert URL(origin).host == (URL(address).host or "").removesuffix(".")


FORMS = [
    "%s",
    '"%s"',
    "'%s'",
    "Bearer %s",
    "bearer\u00a0%s",
    "\u201c%s\u201d",
    "\u201e%s\u201c",
    "\u00ab%s\u00bb",
    " \t%s\r\n",
    "\u200b%s\u200b",
    "\ufeff%s",
    "\u00a0%s\u00a0",
    '"Bearer %s" ',
    "Authorization: Bearer %s",
    '-H "Authorization: Bearer %s"',
    "authorization:bearer %s",
    'curl -H "Authorization: Bearer %s" https://school.instructure.com/api/v1/courses',
    "token=%s",
    "Token: %s",
    "Token:\n%s",
    "Token %s",
    "Bearer: %s",
    "token: Bearer %s",
    "access_token=%s&per_page=1",
    "https://school.instructure.com/api/v1/users/self?access_token=%s",
    '{"access_token": "%s", "purpose": "easeboard"}',
    "CANVAS_API_KEY=%s",
    'export CANVAS_TOKEN="%s";',
    "<%s>",
    "(%s),",
    "[%s]",
    "**`%s`**",
]


@pytest.mark.parametrize("form", FORMS)
def test_what_people_paste_around_a_token_is_left_out(form: str) -> None:
    assert find_token(form % TOKEN) == TOKEN
    assert find_token(form % TOKEN[5:]) == TOKEN[5:]


def test_a_token_is_joined_where_its_line_was_wrapped() -> None:
    assert find_token(f"{TOKEN[:30]}\r\n  {TOKEN[30:]}\n") == TOKEN


def test_a_token_that_was_encoded_for_a_url_is_decoded() -> None:
    assert find_token(quote(TOKEN).replace("~", "%7E")) == TOKEN


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no token"),
        (" \u200b\n", "no token"),
        ('""', "no token"),
        ("Bearer ", "no token"),
        ("token:", "no token"),
        (f"{TOKEN} {TOKEN}", "blanks"),
        (f"{TOKEN}\u00a0{TOKEN}", "blanks"),
        (f"Bearer {TOKEN} for Canvas", "blanks"),
        (f"{TOKEN}\u00e9", "characters"),
        (f"{TOKEN[:10]}\u2026", "characters"),
        (f"{TOKEN}\0", "characters"),
        ("\ud800", "characters"),
        ("x" * 4097, "4096"),
    ],
)
def test_a_text_that_is_not_one_token_is_refused(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word) as refused:
        find_token(text)
    assert TOKEN not in str(refused.value)


@given(TOKENS, st.sampled_from(FORMS), AROUND, AROUND)
def test_every_token_is_found_in_every_form(token: str, form: str, before: str, after: str) -> None:
    assert find_token(before + form % token + after) == token


@given(st.text() | st.from_regex(r"[a-z~:= \"'\n{}-]{0,40}"))
def test_no_text_makes_the_search_fail(text: str) -> None:
    try:
        token = find_token(text)
    except ValueError:
        return
    assert re.fullmatch("[!-~]+", token)


@pytest.mark.parametrize("unit", [" ", "\n", '"', "-", "token:", "key", "bearer ", "\u200b", "a "])
def test_the_time_grows_with_the_length_only(unit: str) -> None:
    text = "a" + unit * (64 * 1024 // len(unit)) + "b"
    began = time.process_time()
    for search in (find_token, POLICY.allowed_origin):
        try:
            search(text)
        except (ValueError, CanvasUrlNotAllowed):
            continue
    assert time.process_time() - began < scaled(1)
