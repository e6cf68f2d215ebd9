"""The carrier's message centre: takes texts from either side, delivers them, and reports what became of them.

Source: twilio.com/docs/messaging/api/message-resource, twilio.com/docs/messaging/guides/webhook-request. As the real
carrier does, it acts on STOP and START itself, answers them, and refuses further texts to whoever said STOP.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from parley.domain.errors import NotFound
from parley.simulation.exchange import Exchange
from parley.simulation.messenger import post_signed
from parley.simulation.stock import Stock

ENDS: Final = frozenset({"delivered", "undelivered", "failed"})
UNREACHABLE: Final = 30003
"""The carrier's error for a phone that is off or does not exist (twilio.com/docs/api/errors/30003)."""

_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_MAX_BODY_CHARS: Final = 1600
_STOP: Final = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
_START: Final = frozenset({"START", "UNSTOP", "YES"})
_HELP: Final = frozenset({"HELP", "INFO"})


class Account(msgspec.Struct, frozen=True):
    """Whose numbers these are, and what their webhooks are signed with."""

    sid: str
    token: str


class Text(msgspec.Struct):
    """One text message. `status` is in the carrier's words."""

    from_number: str
    to_number: str
    body: str
    media_urls: tuple[str, ...] = ()
    status_url: str = ""
    status: str = "queued"
    error_code: int = 0
    sid: str = msgspec.field(default_factory=lambda: f"SM{secrets.token_hex(16)}")


class Refused(Exception):
    """The carrier does not take the text: `code` is its error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Inbox:
    """The texts that a phone has got, oldest first."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self._arrived = asyncio.Condition()

    @property
    def bodies(self) -> list[str]:
        return [text.body for text in self.texts]

    async def put(self, text: Text) -> None:
        """A text arrives."""
        self.texts.append(text)
        async with self._arrived:
            self._arrived.notify_all()

    async def wait_for(self, count: int, timeout_s: float = 5.0) -> list[Text]:
        """All texts, as soon as there are `count`. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.texts) >= count)
        return self.texts


Post = Callable[[Mapping[str, str]], Awaitable[None]]
Deliver = Callable[[Mapping[str, str], Post], Awaitable[None]]
"""How a status callback reaches the server: given the form and what posts it. Replace it to post twice, or late."""


async def _once(form: Mapping[str, str], post: Post) -> None:
    await post(form)


class MessageCentre:
    """`inbox_of` finds the phone with a number; a text to a number without a phone is not delivered.

    `texts` are all texts by their id; `problems` holds what a developer would find in the carrier's debugger.
    """

    def __init__(
        self, account: Account, stock: Stock, exchange: Exchange, inbox_of: Callable[[str], Inbox | None]
    ) -> None:
        self.texts: dict[str, Text] = {}
        self.problems: list[str] = []
        self.deliver: Deliver = _once
        self._account = account
        self._stock = stock
        self._exchange = exchange
        self._inbox_of = inbox_of
        self._stopped: set[tuple[str, str]] = set()

    # ------------------------------------------------------------ from the account to a phone

    def send(self, form: Mapping[str, str], media_urls: Sequence[str]) -> Text:
        """POST Messages: take a text and deliver it while the answer is on its way. Raises Refused."""
        text = Text(
            form.get("From", ""),
            form.get("To", ""),
            form.get("Body", ""),
            tuple(media_urls),
            form.get("StatusCallback", ""),
        )
        self._check(text)
        self.texts[text.sid] = text
        _ = self._exchange.start(self._carry(text))
        return text

    def _check(self, text: Text) -> None:
        if not _E164.fullmatch(text.to_number):
            raise Refused(21211, f"Invalid 'To' Phone Number: {text.to_number}")
        if self._stock.find(text.from_number) is None:
            raise Refused(21606, f"The 'From' phone number provided ({text.from_number}) is not one of this account.")
        if not text.body and not text.media_urls:
            raise Refused(21602, "Message body is required.")
        if len(text.body) > _MAX_BODY_CHARS:
            raise Refused(21617, f"The concatenated message body exceeds the {_MAX_BODY_CHARS} character limit.")
        if (text.from_number, text.to_number) in self._stopped:
            raise Refused(21610, "Attempt to send to unsubscribed recipient")

    async def _carry(self, text: Text) -> None:
        inbox = self._inbox_of(text.to_number)
        await self._report(text, "queued")
        await self._report(text, "sent")
        if inbox is None:
            text.error_code = UNREACHABLE
            await self._report(text, "undelivered")
            return
        await inbox.put(text)
        await self._report(text, "delivered")

    async def _report(self, text: Text, status: str) -> None:
        text.status = status
        if not text.status_url:
            return
        form = self._fields(text) | {"MessageStatus": status, "SmsStatus": status}
        if text.error_code:
            form["ErrorCode"] = str(text.error_code)

        async def post(sent: Mapping[str, str]) -> None:
            await self._post(text.status_url, sent)

        await self.deliver(form, post)

    # ------------------------------------------------------------ from a phone to the account

    async def receive(self, sender: str, number: str, body: str, media_urls: Sequence[str] = ()) -> Text:
        """A phone texts a number of the account; returns when the server has answered. Raises NotFound."""
        owned = self._stock.find(number)
        if owned is None or not owned.hooks.get("SmsUrl"):
            raise NotFound("The account does not own that number, or nobody has set its message URL yet.")
        text = Text(sender, number, body, tuple(media_urls), status="received")
        self.texts[text.sid] = text
        await self._obey(text)
        await self._post(owned.hooks["SmsUrl"], self._incoming(text))
        return text

    async def tell_again(self, text: Text) -> None:
        """Post the webhook of a text that came in once more, as the carrier does when it missed the answer."""
        owned = self._stock.find(text.to_number)
        assert owned is not None, "it was texted"
        await self._post(owned.hooks["SmsUrl"], self._incoming(text))

    async def _obey(self, text: Text) -> None:
        """Stop or allow further texts, and tell the phone so."""
        pair, word = (text.to_number, text.from_number), text.body.strip().upper()
        answer = ""
        if word in _STOP:
            self._stopped.add(pair)
            answer = "You will get no more messages from this number. Reply START to get them again."
        elif word in _START and pair in self._stopped:
            self._stopped.discard(pair)
            answer = "You will get messages from this number again. Reply STOP to end them."
        elif word in _HELP:
            answer = "Reply STOP to end messages from this number. Message and data rates may apply."
        inbox = self._inbox_of(text.from_number)
        if answer and inbox is not None:
            await inbox.put(Text(text.to_number, text.from_number, answer, status="delivered"))

    def _incoming(self, text: Text) -> dict[str, str]:
        media = {f"MediaUrl{index}": url for index, url in enumerate(text.media_urls)}
        kinds = {f"MediaContentType{index}": "image/png" for index in range(len(text.media_urls))}
        told = {"Body": text.body, "NumMedia": str(len(media)), "NumSegments": "1", "SmsStatus": "received"}
        return self._fields(text) | told | media | kinds | {"SmsMessageSid": text.sid}

    def _fields(self, text: Text) -> dict[str, str]:
        return {
            "AccountSid": self._account.sid,
            "ApiVersion": "2010-04-01",
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "From": text.from_number,
            "To": text.to_number,
        }

    async def _post(self, url: str, form: Mapping[str, str]) -> None:
        answer = await post_signed(self._exchange, self._account.token, url, form)
        if answer is None or answer.status_code >= 300:
            told = "no answer" if answer is None else f"HTTP {answer.status_code}"
            self.problems.append(f"11200 HTTP retrieval failure: {told} from {url}")
