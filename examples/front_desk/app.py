"""A front desk on the phone: opening hours, messages, a transfer, a goodbye. Copy this folder and make it yours.

parley asks this server what to say: it POSTs every utterance of the caller and speaks what comes back, while it comes.
It also tells when a call started and ended. Nothing here is parley's own code; FastAPI and the Standard Webhooks
library are all it takes. Start it with the secret that parley showed when you set the webhook:

    WEBHOOK_SECRET=whsec_... uvicorn --factory app:from_environment --port 9000
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from standardwebhooks import Webhook, WebhookVerificationError

Event = dict[str, Any]
Line = dict[str, Any]

log = logging.getLogger("front_desk")

GREETING = "Hello, this is the Juniper garden centre. How can I help you?"
ASK_FOR_MESSAGE = "Of course. What shall I write down?"
HOURS = (
    "We are open Monday to Friday from nine in the morning until six in the evening.",
    "On Saturday we open at ten and close at two, and the café stays open until four.",
    "On Sunday and on public holidays everything is closed, except for the greenhouse in December.",
)


class FrontDesk:
    """Decides what to say. `messages` are the notes callers left; `awaiting` the calls that are about to leave one."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.awaiting: set[str] = set()

    async def answer(self, call_id: str, said: str) -> AsyncIterator[Line]:
        """The lines of one turn. `interim` keeps the turn open; the first line without it closes the turn.

        If the caller interrupts, parley hangs up on this request: the generator is cancelled and nothing more is said.
        """
        words = said.lower()
        if call_id in self.awaiting:
            self.awaiting.discard(call_id)
            self.messages.append(said)
            yield {"text": "I wrote that down, and somebody will get back to you. Is there anything else?"}
        elif "message" in words:
            self.awaiting.add(call_id)
            yield {"text": ASK_FOR_MESSAGE}
        elif "open" in words or "hours" in words:
            # Something to hear at once, while a real server would look things up.
            yield {"text": "Let me have a look.", "interim": True}
            await asyncio.sleep(0.1)
            for sentence in HOURS[:-1]:
                yield {"text": sentence, "interim": True}
            yield {"text": HOURS[-1]}
        elif any(word in words for word in ("human", "person", "somebody", "transfer")):
            yield {"text": "One moment, I am putting you through.", "action": "transfer"}
        elif "bye" in words:
            yield {"text": "Thank you for calling. Goodbye, and have a nice day.", "hangup": True}
        else:
            yield {"text": "I can tell you when we are open, take a message, or put you through to somebody."}


def create_app(secret: str, desk: FrontDesk, on_event: Callable[[Event], None]) -> FastAPI:
    """The webhook at `/`. `on_event` is told of every event whose signature is good, voice turns included."""
    app = FastAPI(title="Front desk")
    signed = Webhook(secret)

    @app.post("/")
    async def receive(request: Request) -> Response:
        body = await request.body()
        try:
            # Without this anybody who finds the address could speak for parley.
            event: Event = signed.verify(body, dict(request.headers))
        except WebhookVerificationError:
            raise HTTPException(401, "The signature is missing or wrong.") from None
        on_event(event)
        if event["event"] == "call.ended":
            desk.awaiting.discard(event["data"]["callId"])
        if event["event"] != "agent.message" or event["channel"] != "voice":
            return Response(status_code=200)
        lines = desk.answer(event["data"]["callId"], event["data"]["transcript"])
        return StreamingResponse(as_ndjson(lines), media_type="application/x-ndjson")

    return app


async def as_ndjson(lines: AsyncIterator[Line]) -> AsyncIterator[bytes]:
    """One JSON object a line, sent as soon as it is known: each is spoken when it arrives."""
    async for line in lines:
        yield json.dumps(line).encode() + b"\n"


def from_environment() -> FastAPI:
    """The app that uvicorn starts; logs what happens and the messages that were left."""
    logging.basicConfig(level=logging.INFO)
    desk = FrontDesk()

    def tell(event: Event) -> None:
        log.info("%s of %s", event["event"], event["data"].get("callId") or event["data"].get("messageId"))
        if event["event"] == "call.ended":
            log.info("messages so far: %s", desk.messages)

    secret = os.environ.get("WEBHOOK_SECRET", "")
    if not secret.startswith("whsec_"):
        raise SystemExit("Set WEBHOOK_SECRET to the secret that parley showed when you set the webhook: whsec_...")
    return create_app(secret, desk, tell)
