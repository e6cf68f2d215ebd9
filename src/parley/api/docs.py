"""The API documents at `/openapi.json` and `/openapi/<dialect>.json`, and each of them as a page under `/docs` that
needs no network, no script and no other host."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

Json = Mapping[str, Any]

_STYLE = """
:root{color-scheme:light dark;--ink:#1c1e21;--soft:#5f6670;--line:#d9dde2;--card:#f6f7f9;--key:#0b62c4}
@media(prefers-color-scheme:dark){
:root{--ink:#e7e9ec;--soft:#9aa3ad;--line:#343a41;--card:#1d2125;--key:#6db3ff}body{background:#131619}}
body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);margin:0;
display:grid;grid-template-columns:17rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.5rem;box-sizing:border-box;
border-right:1px solid var(--line)}
nav b{display:block;margin:1rem 0 .2rem}
nav a{display:block;color:var(--soft);text-decoration:none;font-size:.9rem}nav a:hover{color:var(--key)}
nav .here{color:var(--key);font-weight:600}
main{padding:1.5rem 2.5rem 6rem;max-width:60rem}
h2{margin-top:3rem;border-bottom:1px solid var(--line)}h3{margin:2.2rem 0 .2rem}
h4{margin:1rem 0 0;font-size:.8rem;text-transform:uppercase;letter-spacing:.04em;color:var(--soft)}
code,pre{font:.86rem/1.5 ui-monospace,monospace}
pre{background:var(--card);padding:.8rem 1rem;overflow:auto;border-radius:6px}
.path code{color:var(--key)}.path b{font:700 .78rem ui-monospace,monospace;margin-right:.5rem}.soft{color:var(--soft)}
table{border-collapse:collapse;width:100%;margin:.4rem 0 1rem;font-size:.92rem}
td{border-top:1px solid var(--line);padding:.3rem .8rem .3rem 0;vertical-align:top}td:first-child{width:13rem}
td p{margin:0;color:var(--soft)}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;border:0}main{padding:1rem}}
"""


def docs_routes(documents: Mapping[str, Json]) -> list[BaseRoute]:
    """The routes of every document by its name, `""` being the one that holds everything. Rendered once."""
    routes: list[BaseRoute] = []
    for name, document in documents.items():
        path = f"/{name}" if name else ""
        # Links are relative, so that they also lead somewhere behind a proxy that puts a path before ours.
        page = render(document, name, _switch(documents, "../" if name else ""))
        routes.append(Route(f"/openapi{path}.json", _showing(JSONResponse(document)), include_in_schema=False))
        routes.append(Route(f"/docs{path}", _showing(HTMLResponse(page)), include_in_schema=False))
    return routes


def _showing(answer: Response) -> Callable[[Request], Awaitable[Response]]:
    async def show(request: Request) -> Response:
        return answer

    return show


def _switch(documents: Mapping[str, Json], base: str) -> Mapping[str, tuple[str, str]]:
    """From each document's name to its title and the address of its page."""
    return {
        name: (document["info"]["title"] if name else "Everything", f"{base}docs/{name}" if name else f"{base}docs")
        for name, document in documents.items()
    }


def render(document: Json, name: str, switch: Mapping[str, tuple[str, str]]) -> str:
    """The whole page: what the API is, then every operation under its group. `switch` leads to the other pages."""
    info = document["info"]
    groups: dict[str, list[tuple[str, str, Json]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append((method.upper(), path, operation))
    menu, body = [], []
    about_groups = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    for group, operations in groups.items():
        menu.append(f"<b>{escape(group)}</b>")
        body.append(f"<h2>{escape(group)}</h2><p>{_text(about_groups[group])}</p>")
        for method, path, operation in operations:
            menu.append(f'<a href="#{operation["operationId"]}">{escape(operation["summary"])}</a>')
            body.extend(_operation(document, method, path, operation))
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
    view = '<meta name="viewport" content="width=device-width,initial-scale=1">'
    about = "".join(f"<p>{_text(paragraph)}</p>" for paragraph in info["description"].split("\n\n"))
    others = "".join(
        f'<a{" class=here" if other == name else ""} href="{address}">{escape(title)}</a>'
        for other, (title, address) in switch.items()
    )
    source = f"../openapi/{name}.json" if name else "openapi.json"
    return (
        f"{head}{view}<style>{_STYLE}</style><nav><strong>parley</strong> {escape(info['version'])}"
        f'{others}<a href="{source}">OpenAPI document</a>{"".join(menu)}</nav>'
        f"<main><h1>{escape(info['title'])} API</h1>{about}{''.join(body)}</main></html>"
    )


def _operation(document: Json, method: str, path: str, operation: Json) -> Iterator[str]:
    yield f'<h3 id="{operation["operationId"]}">{escape(operation["summary"])}</h3>'
    yield f'<p class="path"><b>{method}</b><code>{escape(path)}</code></p>'
    if "description" in operation:
        yield f"<p>{_text(operation['description'])}</p>"
    asked = [p for p in operation["parameters"] if p["in"] == "query"]
    if asked:
        yield "<h4>Query</h4>"
        yield _table(_row(p["name"], {**p, **p["schema"]}, is_required=p["required"]) for p in asked)
    if "requestBody" in operation:
        yield "<h4>Body</h4>"
        yield _fields(document, _schema(operation["requestBody"]))
    yield f"<h4>Request</h4><pre>{escape(_curl(method, path, operation, _key_header(document)))}</pre>"
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield f"<h4>Answer {status}</h4>"
            yield from _answer(document, answer)
    refusals = [status for status in operation["responses"] if not status.startswith("2")]
    yield "<h4>Refusals</h4>"
    yield _table(f"<tr><td>{each}</td><td>{_text(_refusal(document, each))}</td></tr>" for each in refusals)


def _answer(document: Json, answer: Json) -> Iterator[str]:
    if "application/json" not in answer["content"]:
        yield f"<p><code>{escape(next(iter(answer['content'])))}</code></p>"
        return
    schema = _schema(answer)
    for number, each in enumerate(schema.get("anyOf", [schema])):
        if number and each != {"type": "null"}:
            yield "<p class=soft>Or:</p>"
        yield _fields(document, each) if each != {"type": "null"} else "<p class=soft>Or <code>null</code>.</p>"


def _refusal(document: Json, status: str) -> str:
    why: str = document["components"]["responses"][status]["description"]
    return why


def _schema(holder: Json) -> Json:
    schema: Json = holder["content"]["application/json"]["schema"]
    return schema


def _resolved(document: Json, schema: Json) -> Json:
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        else:
            schema = next((each for each in schema["anyOf"] if each.get("type") != "null"), {})
    return schema


def _fields(document: Json, schema: Json) -> str:
    """A table of an object's fields; a list's rows follow as a table of their own."""
    shape = _resolved(document, schema)
    tables = [f"<p>{_text(shape['description'])}</p>" if "description" in shape else ""]
    tables.append(_table(_rows(document, shape)))
    rows = _rows_of(shape)
    if rows:
        name, schema = rows
        tables.append(f"<p class=soft>Each of <code>{escape(name)}</code>:</p>" + _fields(document, schema["items"]))
    return "".join(tables)


def _rows_of(shape: Json) -> tuple[str, Json] | None:
    """The rows of a list's envelope, which has no name of its own."""
    if "description" in shape:
        return None
    named = shape.get("properties", {}).items()
    return next(((name, each) for name, each in named if "$ref" in each.get("items", {})), None)


def _rows(document: Json, shape: Json, before: str = "") -> Iterator[str]:
    """A row a field, and below it those of an object that it holds: `outer.inner`, or `outer[].inner` in a list."""
    required = shape.get("required", [])
    lists = _rows_of(shape)
    for name, schema in shape.get("properties", {}).items():
        yield _row(before + name, schema, is_required=name in required)
        inner = _resolved(document, schema)
        if inner.get("type") != "array":
            yield from _rows(document, inner, f"{before}{name}.")
        elif lists is None:
            yield from _rows(document, _resolved(document, inner.get("items", {})), f"{before}{name}[].")


def _table(rows: Iterator[str]) -> str:
    return f"<table>{''.join(rows)}</table>"


def _row(name: str, schema: Json, *, is_required: bool) -> str:
    kind = escape(_kind(schema)) + (" <span class=soft>required</span>" if is_required else "")
    about = f"<p>{_text(schema['description'])}</p>" if "description" in schema else ""
    return f"<tr><td><code>{escape(name)}</code></td><td>{kind}{about}</td></tr>"


def _kind(schema: Json) -> str:
    """What a field holds, in a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(each) for each in schema["anyOf"]))
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1].rsplit(".", 1)[-1].removesuffix("Out")
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", "any value"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    default = [f"default {json.dumps(schema['default'])}"] if schema.get("default") is not None else []
    return ", ".join([kind, *bounds, *default])


_BOUNDS = {"minimum": "from", "maximum": "to", "minLength": "at least", "maxLength": "at most", "pattern": "matching"}


def _curl(method: str, path: str, operation: Json, header: str) -> str:
    lines = [f"curl -s -X {method} $PARLEY{path}", f'  -H "{header}"']
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        body = content["example"] if "example" in content else next(iter(content["examples"].values()))["value"]
        shown = json.dumps(body, ensure_ascii=False, indent=2).replace("\n", "\n  ").replace("'", "'\\''")
        lines += ["  -H 'Content-Type: application/json'", f"  -d '{shown}'"]
    return " \\\n".join(lines)


def _key_header(document: Json) -> str:
    return "x-api-key: $KEY" if "apiKey" in document["security"][0] else "Authorization: Bearer $KEY"


def _text(text: str) -> str:
    """Escaped text with `code` marked."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
