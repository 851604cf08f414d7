"""The pages that explain problems: for browsers, and as text for programs."""

from html.parser import HTMLParser

import httpx2
import pytest

from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.routes.problem_pages import prefers_html

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "style-src 'self'; img-src 'self'"
)
VOID_ELEMENTS = {"meta", "link"}


class Page(HTMLParser):
    """The elements, the texts and the links of a page; elements must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name in {"href", "src"}]


@pytest.mark.parametrize("slug", PROBLEM_TYPES)
async def test_a_browser_gets_a_page(anonymous: httpx2.AsyncClient, slug: str) -> None:
    response = await anonymous.get(f"/problems/{slug}", headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["vary"].startswith("Accept")
    assert response.headers["content-security-policy"] == POLICY
    status, title, cause, advice, _ = PROBLEM_TYPES[slug]
    page = Page(response.text)
    for text in (title, str(status), cause, advice, f'"type": "/problems/{slug}"'):
        assert text.replace("`", "") in page.text.replace("`", "")
    assert page.elements.count("h1") == 1
    assert not {"script", "style"} & set(page.elements)
    assert not {"style", "onclick"} & {name for name, _ in page.attributes}


async def test_the_links_of_a_page_work(anonymous: httpx2.AsyncClient) -> None:
    response = await anonymous.get("/problems/not-found", headers=BROWSER)
    links = Page(response.text).links()
    assert set(PROBLEM_TYPES) < set(links)
    for link in links:
        found = await anonymous.get(str(response.url.join(link)), headers=BROWSER)
        assert found.status_code == 200, link
    style = await anonymous.get("/docs/problem.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "prefers-color-scheme: dark" in style.text


async def test_an_unknown_problem_is_answered_with_a_list(anonymous: httpx2.AsyncClient) -> None:
    path = "/problems/%3Cscript%3E"
    response = await anonymous.get(path, headers=BROWSER)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert set(PROBLEM_TYPES) < set(Page(response.text).links())
    assert "<script" not in response.text
    program = await anonymous.get(path, headers={"Accept": "application/json"})
    assert (program.status_code, program.json()["type"]) == (404, "/problems/not-found")
    assert program.headers["vary"].startswith("Accept")


async def test_a_program_gets_the_text(anonymous: httpx2.AsyncClient) -> None:
    for accept in ("*/*", "application/json", "text/markdown, text/html;q=0.5"):
        response = await anonymous.get("/problems/not-found", headers={"Accept": accept})
        assert response.headers["content-type"] == "text/markdown; charset=utf-8"
        assert response.headers["vary"].startswith("Accept")
        assert response.text.startswith("# Not found\n\nThe resource does not exist")
        assert response.text.endswith("Status 404, type `/problems/not-found`.\n")


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("text/html", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("application/xhtml+xml", True),
        (BROWSER["Accept"], True),
        ("text/html;q=0", False),
        ("text/html;q=x", False),
        ("application/json, text/html;q=0.9", False),
        ("application/json;q=0.1, text/html", True),
        ("application/problem+json, */*", False),
    ],
)
def test_the_header_accept_decides(accept: str | None, is_page: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert prefers_html(accept) is is_page
