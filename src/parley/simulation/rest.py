"""The carrier's REST interface on loopback, as far as a phone platform uses it.

Source: twilio.com/docs/voice/api/call-resource, twilio.com/docs/phone-numbers/api,
twilio.com/docs/messaging/api/message-resource. What the requests do is decided by the `Backend`; this file knows paths,
forms, JSON bodies and error codes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from parley.simulation.call import CarrierCall
from parley.simulation.stock import OwnedNumber, Stock
from parley.simulation.texting import MessageCentre, Refused, Text

Form = dict[str, str]
Intercept = Callable[[Request, Form], Awaitable[Response | None]]

_ROOT: Final = "/2010-04-01/Accounts/{account}"


class Refusal(Exception):
    """The carrier declines a request: `code` is its error code, `status` the HTTP status."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Backend(Protocol):
    """What stands behind the interface."""

    stock: Stock
    centre: MessageCentre
    intercept: Intercept | None
    requests: list[tuple[str, str, Form]]
    account_status: str

    @property
    def account_sid(self) -> str: ...
    @property
    def auth_token(self) -> str: ...
    def place_call(self, form: Form, events: tuple[str, ...]) -> CarrierCall: ...
    def update_call(self, sid: str, form: Form) -> CarrierCall: ...


def interface(backend: Backend) -> Starlette:
    """The ASGI application."""
    desk = _Desk(backend)
    number, call = f"{_ROOT}/IncomingPhoneNumbers", f"{_ROOT}/Calls"
    available = f"{_ROOT}/AvailablePhoneNumbers/{{country}}/Local.json"
    routes = (
        (f"{_ROOT}.json", "GET", desk.account),
        (available, "GET", desk.search),
        (f"{number}.json", "GET", desk.list_numbers),
        (f"{number}.json", "POST", desk.buy),
        (f"{number}/{{sid}}.json", "POST", desk.update_number),
        (f"{number}/{{sid}}.json", "DELETE", desk.release),
        (f"{call}.json", "POST", desk.call),
        (f"{call}/{{sid}}.json", "POST", desk.update_call),
        (f"{_ROOT}/Messages.json", "POST", desk.text),
    )
    return Starlette(routes=[Route(path, desk.guarded(work), methods=[method]) for path, method, work in routes])


def refused(refusal: Refusal) -> JSONResponse:
    """A refusal as the carrier words it."""
    more = f"https://www.twilio.com/docs/errors/{refusal.code}"
    body = {"code": refusal.code, "message": refusal.message, "more_info": more, "status": refusal.status}
    return JSONResponse(body, refusal.status)


Work = Callable[[Request, Form], Response]


class _Desk:
    """Answers requests. Forms with a repeated field keep its first value; `events` and `media` keep all of theirs."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def guarded(self, work: Work) -> Callable[[Request], Awaitable[Response]]:
        """`work` behind the account's key, with refusals spelled out."""

        async def answer(request: Request) -> Response:
            pairs = (
                parse_qsl((await request.body()).decode(), keep_blank_values=True) or request.query_params.multi_items()
            )
            form = dict(reversed(pairs))
            request.state.events = tuple(value for name, value in pairs if name == "StatusCallbackEvent")
            request.state.media = tuple(value for name, value in pairs if name == "MediaUrl")
            self._backend.requests.append((request.method, request.url.path, form))
            if self._backend.intercept is not None:
                instead = await self._backend.intercept(request, form)
                if instead is not None:
                    return instead
            try:
                self._check_key(request)
                return work(request, form)
            except Refusal as refusal:
                return refused(refusal)

        return answer

    def _check_key(self, request: Request) -> None:
        expected = f"{self._backend.account_sid}:{self._backend.auth_token}"
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        try:
            is_right = scheme.lower() == "basic" and base64.b64decode(shown).decode() == expected
        except (binascii.Error, UnicodeDecodeError):
            is_right = False
        if not is_right:
            raise Refusal(401, 20003, "Authenticate")
        if request.path_params["account"] != self._backend.account_sid:
            raise _missing(request)

    def account(self, request: Request, form: Form) -> Response:
        """Source: twilio.com/docs/iam/api/account."""
        sid = self._backend.account_sid
        told = {"sid": sid, "status": self._backend.account_status, "type": "Full", "friendly_name": "Simulated"}
        return JSONResponse({**told, "owner_account_sid": sid, "uri": request.url.path})

    def search(self, request: Request, form: Form) -> Response:
        country = request.path_params["country"]
        limit = int(form.get("PageSize", "50"))
        found = self._backend.stock.for_sale(country, form.get("AreaCode", ""), form.get("Contains", ""), limit)
        if found is None:
            raise _missing(request)
        return JSONResponse({"available_phone_numbers": found, "uri": request.url.path})

    def list_numbers(self, request: Request, form: Form) -> Response:
        wanted = form.get("PhoneNumber", "")
        owned = [self._number(each) for each in self._backend.stock.owned.values() if wanted in each.phone_number]
        return JSONResponse(
            {"incoming_phone_numbers": owned, "page": 0, "next_page_uri": None, "uri": request.url.path}
        )

    def buy(self, request: Request, form: Form) -> Response:
        number = self._backend.stock.take(form.get("PhoneNumber", ""))
        if number is None:
            raise Refusal(400, 21422, f"{form.get('PhoneNumber')} is not available")
        number.update(form)
        return JSONResponse(self._number(number), 201)

    def update_number(self, request: Request, form: Form) -> Response:
        number = self._owned(request)
        number.update(form)
        return JSONResponse(self._number(number))

    def release(self, request: Request, form: Form) -> Response:
        del self._backend.stock.owned[self._owned(request).sid]
        return Response(status_code=204)

    def call(self, request: Request, form: Form) -> Response:
        return JSONResponse(self._call(self._backend.place_call(form, request.state.events)), 201)

    def update_call(self, request: Request, form: Form) -> Response:
        return JSONResponse(self._call(self._backend.update_call(request.path_params["sid"], form)))

    def text(self, request: Request, form: Form) -> Response:
        try:
            text = self._backend.centre.send(form, request.state.media)
        except Refused as refusal:
            raise Refusal(400, refusal.code, refusal.message) from None
        return JSONResponse(self._text(text), 201)

    def _owned(self, request: Request) -> OwnedNumber:
        number = self._backend.stock.owned.get(request.path_params["sid"])
        if number is None:
            raise _missing(request)
        return number

    def _number(self, number: OwnedNumber) -> Mapping[str, Any]:
        hooks = number.hooks
        return {
            "sid": number.sid,
            "account_sid": self._backend.account_sid,
            "phone_number": number.phone_number,
            "friendly_name": number.phone_number,
            "voice_url": hooks.get("VoiceUrl", ""),
            "voice_method": hooks.get("VoiceMethod", "POST"),
            "status_callback": hooks.get("StatusCallback", ""),
            "status_callback_method": hooks.get("StatusCallbackMethod", "POST"),
            "voice_application_sid": hooks.get("VoiceApplicationSid") or None,
            "trunk_sid": hooks.get("TrunkSid") or None,
            "sms_url": hooks.get("SmsUrl", ""),
            "sms_method": hooks.get("SmsMethod", "POST"),
            "sms_application_sid": hooks.get("SmsApplicationSid") or None,
            "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
            "uri": f"/2010-04-01/Accounts/{self._backend.account_sid}/IncomingPhoneNumbers/{number.sid}.json",
        }

    def _call(self, call: CarrierCall) -> Mapping[str, Any]:
        who = call.messenger.identity
        return {
            "sid": call.sid,
            "account_sid": who.account_sid,
            "to": who.to_number,
            "from": who.from_number,
            "status": "queued" if call.status == "initiated" else call.status,
            "direction": who.direction,
            "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{who.account_sid}/Calls/{call.sid}.json",
        }

    def _text(self, text: Text) -> Mapping[str, Any]:
        return {
            "sid": text.sid,
            "account_sid": self._backend.account_sid,
            "from": text.from_number,
            "to": text.to_number,
            "body": text.body,
            "num_media": str(len(text.media_urls)),
            "num_segments": "1",
            "status": "queued",
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{self._backend.account_sid}/Messages/{text.sid}.json",
        }


def _missing(request: Request) -> Refusal:
    return Refusal(404, 20404, f"The requested resource {request.url.path} was not found")
