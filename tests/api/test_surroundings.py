"""What stands around the API: health, metrics, documents, their pages, and answers to what does not exist."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import httpx
import pytest
import structlog
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from parley.api.edge import Edge
from parley.api.health import HttpMetrics
from parley.live.metrics import Metrics
from tests.api.conftest import OWN_URL, Api

NAMES = ("", "/native", "/oneinbox", "/threetone")
DOCUMENTS = tuple(f"/openapi{name}.json" for name in NAMES)
PAGES = tuple(f"/docs{name}" for name in NAMES)
PUBLIC = ("/healthz", "/readyz", "/metrics", *DOCUMENTS, *PAGES)


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


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_needs_nothing_from_anywhere_else(shared_api: Api, path: str) -> None:
    page = (await shared_api.nobody.get(path)).text
    assert not re.findall(r"<script|src=|@import|url\(|href=.?(?:https?:)?//", page)
    source = re.findall(r'href="([^"]+\.json)"', page)
    shown = (await shared_api.nobody.get(urljoin(f"{OWN_URL}{path}", source[0]))).json()
    for methods in shown["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
    for link in re.findall(r'href="([^"]+)"', page):
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page
        else:
            assert (await shared_api.nobody.get(urljoin(f"{OWN_URL}{path}", link))).status_code == 200


@pytest.mark.parametrize("path", ["/v1/agents", "/openapi.json", "/nothing", "/healthz"])
async def test_every_answer_names_its_request(shared_api: Api, path: str) -> None:
    asked = await shared_api.client.get(path, headers={"x-request-id": "order-7:a.b"})
    assert asked.headers.get_list("x-request-id") == ["order-7:a.b"]
    made = {(await shared_api.client.get(path)).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    for unprintable in ("", "a b", "x" * 129, "\u00e9"):
        headers = [(b"x-request-id", unprintable.encode())]
        answer = await shared_api.client.get(path, headers=headers)
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_a_fault_of_ours_is_a_sentence_without_its_cause_which_the_log_has() -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("private detail")

    app = FastAPI(middleware=[Middleware(Edge, metrics=HttpMetrics(Metrics().registry))])
    app.router.add_route("/broken", broken)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://parley.test") as client:
        with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
            answer = await client.get("/broken", headers={"x-request-id": "order-8"})
    assert [(line["event"], line["request_id"]) for line in lines] == [("request_crashed", "order-8")]
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "private detail" not in answer.text
    assert "Traceback" not in answer.text
