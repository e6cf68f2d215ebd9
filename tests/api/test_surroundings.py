"""What stands around the API: health, metrics, the document, the page, and answers to what does not exist."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from parley.api.edge import Edge
from parley.api.health import HttpMetrics
from parley.api.openapi import document
from parley.api.table import TABLE
from parley.live.metrics import Metrics
from parley.schemas.dialects import NATIVE
from tests.api.conftest import Api

PUBLIC = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")


@pytest.mark.parametrize("path", PUBLIC)
async def test_it_is_there_without_a_key(shared_api: Api, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = await shared_api.client.request(method, path, headers={"authorization": ""})
        assert answer.status_code == 200


async def test_metrics_count_routes_and_not_paths(shared_api: Api) -> None:
    await shared_api.client.get("/v1/agents/agent_unheard_of")
    await shared_api.client.get("/nothing/agent_unheard_of")
    shown = (await shared_api.client.get("/metrics")).text
    assert 'parley_http_requests_total{method="GET",route="/v1/agents/{agent_id}",status="404"}' in shown
    assert 'route="unmatched"' in shown
    assert "agent_unheard_of" not in shown
    assert "parley_live_calls" in shown


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/agents/", "/v2/agents", "/v1/agents/a/b/c", "/%00", "/%ff"])
async def test_a_path_that_does_not_exist_is_told_so_in_json(shared_api: Api, path: str) -> None:
    answer = await shared_api.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_every_operation_is_documented_with_its_shapes_and_refusals() -> None:
    made = document(TABLE)
    names = []
    for operation in TABLE[NATIVE]:
        shown = made["paths"][NATIVE.prefix + operation.path][operation.method.lower()]
        names.append(shown["operationId"])
        assert shown["summary"] == operation.title
        assert {int(status) for status in shown["responses"]} == operation.all_refusals | {operation.status}
        assert ("requestBody" in shown) == (operation.body is not None)
    assert len(set(names)) == len(names)


def test_every_reference_in_the_document_leads_somewhere() -> None:
    made = document(TABLE)
    references = set(re.findall(r"'#/components/schemas/([^']+)'", str(made)))
    assert references == references & made["components"]["schemas"].keys()


async def test_the_page_needs_nothing_from_anywhere_else(shared_api: Api) -> None:
    page = (await shared_api.client.get("/docs")).text
    assert not re.findall(r"<script|src=|@import|url\(|href=.?(?:https?:)?//", page)
    for operation in TABLE[NATIVE]:
        assert f"{NATIVE.prefix}{operation.path}" in page
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page


async def test_a_fault_of_ours_is_a_sentence_without_its_cause() -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("private detail")

    app = FastAPI(middleware=[Middleware(Edge, metrics=HttpMetrics(Metrics().registry))])
    app.router.add_route("/broken", broken)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://parley.test") as client:
        answer = await client.get("/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "private detail" not in answer.text
    assert "Traceback" not in answer.text
