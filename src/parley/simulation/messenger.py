"""What the carrier tells and asks the server about one call, signed: voice webhooks and status callbacks."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import Any, Final

import httpx
import msgspec

from parley.simulation.exchange import WEBHOOK_TIMEOUT_S, Exchange
from parley.simulation.signing import signature


class Identity(msgspec.Struct, frozen=True):
    """Who calls whom, on whose account, and where the carrier reports to. `direction` is in the carrier's own words."""

    account_sid: str
    auth_token: str
    from_number: str
    to_number: str
    direction: str = "inbound"
    status_url: str = ""
    status_events: tuple[str, ...] = ("completed",)
    sid: str = msgspec.field(default_factory=lambda: f"CA{secrets.token_hex(16)}")


Deliver = Callable[["Messenger", Mapping[str, str]], Awaitable[object]]
"""How a status callback reaches the server: given the form, posts it. Replace it to post twice, late or in disorder."""

NO_EXTRAS: Final[Mapping[str, str]] = {}

# The subscription a status belongs to; all others are "completed" (twilio.com/docs/voice/api/call-resource).
_EVENT_OF = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}


class Messenger:
    """Sends one call's requests. `problems` holds what a developer would find in the carrier's debugger."""

    def __init__(self, identity: Identity, exchange: Exchange, deliver: Deliver | None = None) -> None:
        self.identity = identity
        self.problems: list[str] = []
        self._exchange = exchange
        self._deliver = deliver or Messenger.post_report
        self._reports: list[asyncio.Task[Any]] = []
        self._turn = asyncio.Lock()

    async def ask(self, url: str, status: str, extras: Mapping[str, str] = NO_EXTRAS) -> str | None:
        """The document the server answers with, or None, noted in `problems`, if it has none."""
        answer = await self.post(url, self.fields(status) | dict(extras))
        if answer is None or answer.status_code >= 300:
            told = "no answer" if answer is None else f"HTTP {answer.status_code}"
            self.problems.append(f"11200 HTTP retrieval failure: {told} from {url}")
            return None
        return answer.text

    def report(self, status: str, duration_s: int | None = None) -> None:
        """Tell the server of a new status, if it wants to know. Reports leave in order; nobody waits for them."""
        if not self.identity.status_url or _EVENT_OF.get(status, "completed") not in self.identity.status_events:
            return
        form = self.fields(status) | {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(len(self._reports)),
            "Timestamp": formatdate(usegmt=True),
        }
        if duration_s is not None:
            form |= {"CallDuration": str(duration_s), "Duration": str(-(-duration_s // 60))}
        self._reports.append(self._exchange.start(self._report_in_turn(form)))

    async def _report_in_turn(self, form: Mapping[str, str]) -> None:
        async with self._turn:
            await self._deliver(self, form)

    async def reported(self) -> None:
        """Return when every report so far was delivered."""
        if self._reports:
            await asyncio.wait(self._reports)

    async def post_report(self, form: Mapping[str, str]) -> None:
        """Post a status callback once, as the carrier does when all is well."""
        answer = await self.post(self.identity.status_url, form)
        if answer is None or answer.status_code >= 300:
            self.problems.append(f"11200 status callback not accepted by {self.identity.status_url}")

    async def post(self, url: str, form: Mapping[str, str]) -> httpx.Response | None:
        """Post a signed form; None when the server cannot be reached or is too slow."""
        return await post_signed(self._exchange, self.identity.auth_token, url, form)

    def fields(self, status: str) -> dict[str, str]:
        """The parameters every request carries (twilio.com/docs/voice/twiml#request-parameters)."""
        who = self.identity
        return {
            "AccountSid": who.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": who.sid,
            "CallStatus": status,
            "Called": who.to_number,
            "Caller": who.from_number,
            "Direction": who.direction,
            "From": who.from_number,
            "To": who.to_number,
        }


async def post_signed(exchange: Exchange, auth_token: str, url: str, form: Mapping[str, str]) -> httpx.Response | None:
    """Post a form as the carrier signs it; None when the server cannot be reached or is too slow."""
    headers = {
        "X-Twilio-Signature": signature(auth_token, url, form),
        "User-Agent": "TwilioProxy/1.1",
        "I-Twilio-Idempotency-Token": secrets.token_hex(16),
    }
    try:
        return await exchange.http.post(exchange.way(url), data=dict(form), headers=headers, timeout=WEBHOOK_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
