"""An async generator behind FastAPI's StreamingResponse, on uvicorn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

from parley.simulation.serving import LoopbackServer
from tests.journeys.handlers import FILLER, Event, answer_to


class FastAPIHandler:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_thinking = False
        self.url = ""

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/webhook")
        async def webhook(payload: dict[str, Any]) -> Response:
            self.events.append(payload)
            if payload["channel"] != "voice":
                return Response(status_code=200)

            async def lines() -> AsyncIterator[str]:
                yield json.dumps({"text": FILLER, "interim": True}) + "\n"
                while self.is_thinking:
                    await asyncio.sleep(0.01)
                yield json.dumps({"text": answer_to(payload)}) + "\n"

            return StreamingResponse(lines(), media_type="application/x-ndjson")

        return app


@asynccontextmanager
async def fastapi_handler() -> AsyncIterator[FastAPIHandler]:
    handler = FastAPIHandler()
    async with LoopbackServer(handler.app()) as server:
        handler.url = f"{server.url}/webhook"
        yield handler
