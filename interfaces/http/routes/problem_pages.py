"""Pages for browsers that explain a type of problem; programs get the same text as Markdown."""

import re
from collections.abc import Iterable
from html import escape
from http import HTTPStatus

import orjson
from fastapi import Response

from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.schemas.example_problems import example_problem

VARY = {"Vary": "Accept"}
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
OTHER_TYPES = frozenset({"application/json", "application/problem+json", "text/markdown"})
"""The media types of programs: a client that prefers one of them gets no page."""
EXAMPLE_PATH = "/api/v1/canvas/connections/{connection_id}"
ADMIN_PATH, ADMIN_OPERATION = "/api/v1/admin/projections", {"x-roles": ["admin"]}
_CODE = re.compile(r"`([^`]*)`")

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – easeboard</title>
<link rel="icon" href="../docs/favicon.png">
<link rel="stylesheet" href="../docs/problem.css">
</head>
<body>
<main>
{content}
</main>
<footer>
<p><a href="../docs">API documentation</a></p>
</footer>
</body>
</html>
"""
EXPLANATION = """\
<h1>{title}</h1>
<p class="status">Status <strong>{status} {phrase}</strong></p>
<h2>What it means</h2>
<p>{cause}</p>
<h2>What to do</h2>
<p>{advice}</p>
<h2>Example</h2>
<p>A response with this problem has the media type <code>application/problem+json</code>.</p>
<pre><code>{example}</code></pre>
<h2>All problems</h2>
{index}"""
UNKNOWN = """\
<h1>Unknown problem</h1>
<p class="status">Status <strong>404 Not Found</strong></p>
<p>There is no problem of this name. The member <code>type</code> of a problem is the path of its
page.</p>
<h2>All problems</h2>
{index}"""
STYLE_SHEET = """\
:root {
  color-scheme: light dark;
  --text: #1d2329;
  --quiet: #4f5963;
  --back: #ffffff;
  --panel: #f2f4f6;
  --line: #c9d0d6;
  --link: #0b57a4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e8ebee;
    --quiet: #aeb7c0;
    --back: #14181c;
    --panel: #20262c;
    --line: #3c454e;
    --link: #8bbdf5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0;
  padding: 1.5rem 1rem;
  background: var(--back);
  color: var(--text);
  font: 1rem/1.6 system-ui, sans-serif;
}
main, footer { max-width: 44rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.125rem; }
p { margin: 0.5rem 0; overflow-wrap: anywhere; }
.status { color: var(--quiet); }
code { font: 0.9em ui-monospace, monospace; }
pre {
  margin: 0.75rem 0;
  padding: 0.75rem 1rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--panel);
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}
ul { margin: 0.5rem 0; padding: 0; list-style: none; columns: 16rem; }
li { padding: 0.25rem 0; break-inside: avoid; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
a[aria-current] { color: inherit; font-weight: 600; text-decoration: none; }
footer { margin-top: 2rem; border-top: 1px solid var(--line); }
"""


def prefers_html(accept: str | None) -> bool:
    """Return whether a client prefers a page, by its header `Accept` (RFC 9110, 12.5.1)."""
    weights = dict(map(_weight_of, (accept or "").split(",")))
    of_html = max((weights.get(name, 0.0) for name in HTML_TYPES), default=0.0)
    of_others = max((weights.get(name, 0.0) for name in OTHER_TYPES), default=0.0)
    return of_html > 0 and of_html >= of_others


def problem_page(slug: str) -> Response:
    """Return the page of a type of problem; status 404 and a list of all for an unknown one."""
    if slug not in PROBLEM_TYPES:
        return _page("Unknown problem", UNKNOWN.format(index=_index(slug)), 404)
    status, title, cause, advice, _ = PROBLEM_TYPES[slug]
    content = EXPLANATION.format(
        title=escape(title),
        status=status,
        phrase=HTTPStatus(status).phrase,
        cause=_text(cause),
        advice=_text(advice),
        example=escape(_example(slug), quote=False),
        index=_index(slug),
    )
    return _page(escape(title), content, 200)


def problem_text(slug: str) -> Response:
    """Return the explanation of a type of problem as Markdown."""
    status, title, cause, advice, _ = PROBLEM_TYPES[slug]
    text = (
        f"# {title}\n\n{cause}\n\n**What to do:** {advice}\n\n"
        f"Status {status}, type `/problems/{slug}`.\n"
    )
    return Response(text, headers=VARY, media_type="text/markdown")


def _page(title: str, content: str, status: int) -> Response:
    page = PAGE.format(title=title, content=content)
    return Response(page, status, VARY, media_type="text/html")


def _text(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _example(slug: str) -> str:
    is_for_roles = slug == "forbidden"
    path, operation = (ADMIN_PATH, ADMIN_OPERATION) if is_for_roles else (EXAMPLE_PATH, {})
    document = example_problem(slug, path, operation)["value"]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _index(current: str) -> str:
    return "<ul>\n" + "\n".join(_index_lines(current)) + "\n</ul>"


def _index_lines(current: str) -> Iterable[str]:
    for slug, problem_type in sorted(PROBLEM_TYPES.items(), key=lambda item: item[1].title):
        mark = ' aria-current="page"' if slug == current else ""
        yield f'<li><a href="{slug}"{mark}>{escape(problem_type.title)}</a></li>'


def _weight_of(entry: str) -> tuple[str, float]:
    """Return a media type and its weight: 1 without `q`, and 0 if that is no number."""
    name, *parameters = (part.strip().lower() for part in entry.split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0
