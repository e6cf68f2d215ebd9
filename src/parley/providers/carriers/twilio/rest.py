"""Numbers, calls and texts over Twilio's REST interface.

Source: twilio.com/docs/voice/api, twilio.com/docs/phone-numbers/api, twilio.com/docs/messaging/api/message-resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import httpx

from parley.domain.carriers import AvailableNumber, CallHooks, CarrierAccount, CarrierNumber, NumberHooks, NumberSetup
from parley.domain.errors import CarrierRefused, ProviderUnavailable
from parley.domain.health import KeyState
from parley.providers.carriers.twilio.transport import SdkTransport, TwilioRefused
from parley.providers.protocols import NOT_OWNED

STATUS_EVENTS: Final = ("initiated", "ringing", "answered", "completed")

CALL_IS_OVER: Final = 21220
"""Twilio's error for changing a call that is not in progress (twilio.com/docs/api/errors/21220)."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # it becomes a step of a path
_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")


class TwilioRest:
    """Stateless towards accounts: each call names the account it is made with. The caller owns `http`."""

    account_form: Final = _ID.pattern

    def __init__(self, http: httpx.AsyncClient, base_url: str = "") -> None:
        # The SDK takes 0.15 s to import: paid here, when the server is put together, and not during a call.
        from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
        from twilio.rest import Client  # type: ignore[import-untyped]
        from twilio.rest import api as _api  # noqa: F401

        self._client_class: Any = Client
        self._sdk_error: type[Exception] = TwilioException
        self._transport = SdkTransport(http, base_url)

    async def search(
        self, account: CarrierAccount, country: str, *, area_code: str = "", contains: str = "", limit: int = 10
    ) -> Sequence[AvailableNumber]:
        if not _COUNTRY.fullmatch(country):
            raise CarrierRefused("twilio", "A country is two letters, such as US or GB.", retryable=False)
        wanted: dict[str, Any] = {"voice_enabled": True}
        if area_code:
            wanted["area_code"] = area_code
        if contains:
            wanted["contains"] = contains
        local = self._client(account).available_phone_numbers(country.upper()).local
        with self._understood():
            found = await local.list_async(limit=limit, page_size=limit, **wanted)
            return [
                AvailableNumber(each.phone_number, each.iso_country or country, each.locality or "", each.region or "")
                for each in found
            ]

    async def buy(self, account: CarrierAccount, phone_number: str, hooks: NumberHooks) -> CarrierNumber:
        numbers = self._client(account).incoming_phone_numbers
        with self._understood():
            bought = await numbers.create_async(phone_number=phone_number, **_number_hooks(hooks))
            return CarrierNumber(bought.phone_number or phone_number, _required(bought.sid))

    async def adopt(self, account: CarrierAccount, phone_number: str, hooks: NumberHooks) -> CarrierNumber:
        numbers = self._client(account).incoming_phone_numbers
        with self._understood():
            owned = await numbers.list_async(phone_number=phone_number, limit=20, page_size=20)
            match = next((each for each in owned if each.phone_number == phone_number), None)
            if match is None:
                message = "This Twilio account does not own the number. Check the account SID, or buy the number first."
                raise CarrierRefused("twilio", message, retryable=False, reason=NOT_OWNED)
            changes = _number_hooks(hooks)
            # An application or a trunk on a number makes Twilio ignore its voice URL, another its message URL.
            if match.voice_application_sid:
                changes["voice_application_sid"] = ""
            if match.sms_application_sid:
                changes["sms_application_sid"] = ""
            if match.trunk_sid:
                changes["trunk_sid"] = ""
            await numbers(_required(match.sid)).update_async(**changes)
            return CarrierNumber(phone_number, match.sid)

    async def release(self, account: CarrierAccount, carrier_id: str) -> None:
        """Give the number back; a number that is gone already is no error."""
        try:
            with self._understood():
                await self._client(account).incoming_phone_numbers(_required(carrier_id)).delete_async()
        except TwilioRefused as refusal:
            if refusal.http_status != 404:
                raise

    async def check(self, account: CarrierAccount) -> KeyState:
        """By reading the account itself, which every key of it may."""
        try:
            with self._understood():
                found = await self._client(account).api.v2010.accounts(account.account_id).fetch_async()
                return "ok" if found.status in (None, "active") else "suspended"
        except TwilioRefused as refusal:
            # An account id that is nobody's is a 404, to a key that opens nothing there.
            return "limited" if refusal.http_status == 403 else "unauthorized"
        except CarrierRefused:
            return "unauthorized"
        except ProviderUnavailable as away:
            return "unreachable" if away.retryable else "not_there"

    async def inspect(self, account: CarrierAccount, phone_number: str) -> NumberSetup | None:
        numbers = self._client(account).incoming_phone_numbers
        with self._understood():
            owned = await numbers.list_async(phone_number=phone_number, limit=20, page_size=20)
            match = next((each for each in owned if each.phone_number == phone_number), None)
            if match is None:
                return None
            taken_by = "an application" if match.voice_application_sid else "a trunk" if match.trunk_sid else ""
            message_url = "" if match.sms_application_sid else match.sms_url or ""
            return NumberSetup(match.voice_url or "", match.status_callback or "", message_url, taken_by)

    async def dial(self, account: CarrierAccount, from_number: str, to_number: str, hooks: CallHooks) -> str:
        with self._understood():
            call = await self._client(account).calls.create_async(
                to=to_number,
                from_=from_number,
                url=hooks.answer_url,
                method="POST",
                status_callback=hooks.status_url,
                status_callback_method="POST",
                status_callback_event=list(STATUS_EVENTS),
            )
            return _required(call.sid)

    async def end(self, account: CarrierAccount, carrier_call_id: str) -> None:
        """`completed` also ends a call that still rings."""
        try:
            with self._understood():
                await self._client(account).calls(_required(carrier_call_id)).update_async(status="completed")
        except TwilioRefused as refusal:
            if refusal.http_status != 404 and refusal.twilio_code != CALL_IS_OVER:
                raise

    async def send_message(
        self,
        account: CarrierAccount,
        from_number: str,
        to_number: str,
        body: str,
        media_urls: Sequence[str],
        status_url: str,
    ) -> str:
        wanted: dict[str, Any] = {"body": body} if body else {}
        if media_urls:
            wanted["media_url"] = list(media_urls)
        with self._understood():
            message = await self._client(account).messages.create_async(
                to=to_number, from_=from_number, status_callback=status_url, **wanted
            )
            return _required(message.sid)

    def _client(self, account: CarrierAccount) -> Any:
        """A client costs 15 µs and no I/O, so it is made for each request and no token stays behind."""
        if not _ID.fullmatch(account.account_id) or not account.token:
            message = "The Twilio account SID or auth token is missing or malformed. Check the credential."
            raise CarrierRefused("twilio", message, retryable=False)
        client = self._client_class(account.account_id, account.token.reveal(), http_client=self._transport)
        # The SDK reads these from the environment by itself; only what wiring passed may count.
        client.edge = client.region = None
        return client

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """The SDK meets an answer of the wrong shape with whatever error it stumbles over."""
        try:
            yield
        except (self._sdk_error, KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"Twilio answered in a shape that was not understood ({type(error).__name__})."
            raise ProviderUnavailable("twilio", message, retryable=False) from error


def _number_hooks(hooks: NumberHooks) -> dict[str, Any]:
    return {
        "voice_url": hooks.voice_url,
        "voice_method": "POST",
        "status_callback": hooks.status_url,
        "status_callback_method": "POST",
        "sms_url": hooks.message_url,
        "sms_method": "POST",
    }


def _required(sid: Any) -> str:
    """A Twilio id, checked before it becomes part of a URL."""
    if not isinstance(sid, str) or not _ID.fullmatch(sid):
        raise ValueError("no id")
    return sid
