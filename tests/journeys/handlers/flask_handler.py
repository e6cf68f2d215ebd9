"""A generator behind Flask's Response, on the development server most people begin with, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import make_server

from tests.journeys.handlers import FILLER, Event, answer_to


class FlaskHandler:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_thinking = False
        self.url = ""

    def app(self) -> Flask:
        app = Flask(__name__)

        @app.post("/webhook")
        def webhook() -> Any:
            payload = request.json
            assert payload is not None
            self.events.append(payload)
            if payload.get("channel") != "voice":
                return "OK", 200

            def lines() -> Iterator[str]:
                yield json.dumps({"text": FILLER, "interim": True}) + "\n"
                while self.is_thinking:
                    time.sleep(0.01)
                yield json.dumps({"text": answer_to(payload)}) + "\n"

            return Response(lines(), content_type="application/x-ndjson")

        return app


@asynccontextmanager
async def flask_handler() -> AsyncIterator[FlaskHandler]:
    handler = FlaskHandler()
    server = make_server("127.0.0.1", 0, handler.app(), threaded=True)
    handler.url = f"http://127.0.0.1:{server.server_port}/webhook"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.to_thread(server.serve_forever))
        try:
            yield handler
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
