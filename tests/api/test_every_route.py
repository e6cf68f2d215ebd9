"""What holds for every route of every dialect, generated from the table of operations: who may come in, and how."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from parley.api.mount import Mounted, lay_out
from parley.api.reading import MAX_BODY_BYTES
from parley.api.table import TABLE
from tests.api.conftest import Api
from tests.api.rows import (
    EVERY,
    Belongings,
    as_spelled,
    ask,
    assert_refused,
    body_of,
    id_places,
    kind_at,
    label,
    placed,
    properties,
    state_of,
)

each_operation = pytest.mark.parametrize("mounted", EVERY, ids=label)
each_body = pytest.mark.parametrize("mounted", [each for each in EVERY if each.operation.body], ids=label)
each_with_ids = pytest.mark.parametrize("mounted", [each for each in EVERY if "{" in each.path], ids=label)

JSON_TYPE = {"content-type": "application/json"}


def path_ids(mounted: Mounted) -> list[str]:
    return re.findall(r"\{(\w+)\}", mounted.path)


@each_operation
def test_every_kind_of_id_has_a_row(mounted: Mounted, mine: Belongings) -> None:
    """A new kind wants a row in `rows.py`; without one the tests of foreign ids would pass over it."""
    operation = mounted.operation
    named = [kind_at(place) for shape in (operation.body, operation.query) for place in id_places(shape)]
    assert {*path_ids(mounted), *named} <= mine.ids.keys()
    for shape in (operation.body, operation.query):
        looks_like_one = {name for name in properties(shape) if re.search(r"(^|_)ids?$", name)}
        assert looks_like_one <= {place[0] for place in id_places(shape)}, "declare ids as `schemas.fields.Id`"


# ---------------------------------------------------------------- keys


@each_operation
async def test_without_a_valid_key_nothing_is_told(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    for headers in (
        {},
        {"authorization": "Bearer sk_live_wrong"},
        {"x-api-key": "sk_live_wrong"},
        {"authorization": "Bearer \u00ff"},
    ):
        shown = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = await ask(shared_api.nobody, mounted, mine.of(mounted), content=b"{not json", headers=shown)
        assert assert_refused(answer, 401, mounted)["code"] == "unauthorized"


# ---------------------------------------------------------------- ids


@each_with_ids
async def test_another_projects_row_is_not_found(
    shared_api: Api, mine: Belongings, theirs: Belongings, mounted: Mounted
) -> None:
    """One foreign id in the path is enough, and it is answered like one that never was. Nothing changes."""
    own, foreign = theirs.of(mounted), mine.of(mounted)
    before = await state_of(shared_api.house.database, mine.project_id)
    for name in path_ids(mounted):
        with_foreign, with_unknown = {**own, name: foreign[name]}, {**own, name: f"{foreign[name][:-6]}ffffff"}
        bodies = {"json": body_of(mounted, own)} if mounted.operation.body else {}
        refused = await ask(shared_api.stranger, mounted, with_foreign, **bodies)
        assert_refused(refused, 404, mounted)
        unknown = await ask(shared_api.stranger, mounted, with_unknown, **bodies)
        assert (unknown.status_code, unknown.json()) == (404, refused.json())
        assert not any(value in refused.text for value in foreign.values())
    assert await state_of(shared_api.house.database, mine.project_id) == before


@each_operation
async def test_another_projects_rows_cannot_be_named(
    shared_api: Api, mine: Belongings, theirs: Belongings, mounted: Mounted
) -> None:
    """A foreign id in a body or a query is not found either, and neither project changes."""
    own, foreign, spell = theirs.of(mounted), mine.of(mounted), as_spelled(mounted)
    before = [await state_of(shared_api.house.database, each.project_id) for each in (mine, theirs)]
    asked: list[dict[str, Any]] = [
        {"query": {spell(name): foreign[name]}} for (name,) in id_places(mounted.operation.query)
    ]
    asked += [
        {"json": placed(body_of(mounted, own), place, spell, foreign[kind_at(place)])}
        for place in id_places(mounted.operation.body)
    ]
    for more in asked:
        refused = await ask(shared_api.stranger, mounted, own, **more)
        assert_refused(refused, 404, mounted)
        assert not any(value in refused.text for value in foreign.values())
    assert [await state_of(shared_api.house.database, each.project_id) for each in (mine, theirs)] == before


@each_with_ids
async def test_an_id_that_is_none_is_not_found(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    content = json.dumps(body_of(mounted, mine.of(mounted))) if mounted.operation.body else None
    for malformed in ("nobody", "%00", "x" * 65, "..%5c..", "%C3%A9", "%ff", "%20", "'--"):
        wrong = dict.fromkeys(mine.ids, malformed)
        answer = await ask(shared_api.client, mounted, wrong, content=content, headers=JSON_TYPE)
        assert_refused(answer, 404, mounted)


# ---------------------------------------------------------------- bodies


@each_body
async def test_another_content_type_is_refused(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {"content-type": content_type}
        answer = await ask(shared_api.client, mounted, mine.of(mounted), content=b"{", headers=headers)
        if mounted.operation.any_content_type:
            assert "not valid JSON" in assert_refused(answer, 400, mounted)["detail"]
        else:
            assert "Content-Type" in assert_refused(answer, 415, mounted)["detail"]


@each_body
async def test_a_body_without_end_is_refused(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    async def endless() -> Any:
        for _ in range(MAX_BODY_BYTES // 65_536 + 1):
            yield b" " * 65_536

    answer = await ask(shared_api.client, mounted, mine.of(mounted), content=endless(), headers=JSON_TYPE)
    assert str(MAX_BODY_BYTES) in assert_refused(answer, 413, mounted)["detail"]


@each_body
async def test_a_body_that_is_no_object_is_refused(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    ids = mine.of(mounted)
    for content in (b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"a":' + b"[" * 100_000, b'{"a": 1, "a": 2}'):
        answer = await ask(shared_api.client, mounted, ids, content=content, headers=JSON_TYPE)
        assert_refused(answer, 400, mounted)


# ---------------------------------------------------------------- methods


@pytest.mark.parametrize("path", lay_out(TABLE))
async def test_a_method_that_is_not_offered_names_those_that_are(shared_api: Api, mine: Belongings, path: str) -> None:
    offered = set(lay_out(TABLE)[path])
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - offered:
        answer: httpx.Response = await shared_api.client.request(method, path.format(**mine.ids))
        assert answer.status_code == 405
        assert answer.json()["code"] == "method_not_allowed"
        shown = {each.strip() for each in answer.headers["allow"].split(",")}
        assert shown == offered | ({"HEAD"} if "GET" in offered else set())


_READ = [each for each in EVERY if each.operation.method == "GET" and not each.operation.is_endless]


@pytest.mark.parametrize("mounted", _READ, ids=label)
async def test_a_head_is_answered_like_a_get_without_its_body(
    shared_api: Api, mine: Belongings, mounted: Mounted
) -> None:
    path = mounted.path.format(**mine.of(mounted))
    shown = await shared_api.client.get(path)
    head = await shared_api.client.head(path)
    assert (head.status_code, head.content) == (shown.status_code, b"")
    assert head.headers["content-type"] == shown.headers["content-type"]


@each_operation
async def test_a_slash_at_the_end_is_another_path(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    path = mounted.path.format(**mine.of(mounted))
    answer = await shared_api.client.request(mounted.operation.method, f"{path}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
