"""A carrier on loopback: sells numbers, places calls and brings texts to simulated phones, and lets them call and text
the numbers it sold.

Point `TWILIO_BASE_URL` at its `url` and give parley its `account_sid` and `auth_token`; from then on it calls whatever
voice, message and status URLs parley gives it, and nothing else, as the real carrier would.

    async with SimulatedCarrier() as carrier:
        alice = carrier.phone("+15550100001")
        ...                                       # parley buys a number: POST /v1/numbers
        await carrier.call_in(alice, "+14155550100")
        await alice.wait_until_agent_speaks()
        await alice.text("+14155550100", "Are you open?")
        await alice.inbox.wait_for(1)             # what parley was asked to answer: POST /v1/messages
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Final, Self

from parley.domain.errors import NotFound
from parley.simulation.call import CarrierCall, Ending, Place, Ringing
from parley.simulation.exchange import Exchange
from parley.simulation.messenger import Deliver, Identity, Messenger
from parley.simulation.phone import ACCOUNT_SID, SimulatedPhone
from parley.simulation.rest import Form, Intercept, Refusal, interface
from parley.simulation.serving import LoopbackServer
from parley.simulation.stock import Stock
from parley.simulation.texting import Account, Inbox, MessageCentre

AUTH_TOKEN: Final = "simulated-auth-token-0001"  # noqa: S105 - opens nothing but this double
_E164: Final = re.compile(r"\+[1-9]\d{6,14}")


class SimulatedCarrier:
    """Use as an async context manager. A number nobody plugged a phone in for cannot be reached: calls to it fail.

    `intercept` sees every REST request first and may answer in its place; `deliver` replaces how status callbacks are
    posted; `requests` holds (method, path, form) of all REST requests so far. `centre` carries the texts.
    `account_status` is what the account says of itself: "active", "suspended" or "closed".
    """

    account_status = "active"

    def __init__(self, account_sid: str = ACCOUNT_SID, auth_token: str = AUTH_TOKEN) -> None:
        self._account = Account(account_sid, auth_token)
        self.exchange = Exchange()
        self.exchange.reach = self._behaviour_of
        self.stock = Stock()
        self.centre = MessageCentre(self._account, self.stock, self.exchange, self._inbox_of)
        self.calls: dict[str, CarrierCall] = {}
        self.requests: list[tuple[str, str, Form]] = []
        self.intercept: Intercept | None = None
        self.deliver: Deliver | None = None
        self._phones: dict[str, SimulatedPhone] = {}
        self._server = LoopbackServer(interface(self))

    async def __aenter__(self) -> Self:
        await self.exchange.__aenter__()
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.exchange.__aexit__(kind, error, trace)
        finally:
            await self._server.__aexit__(kind, error, trace)

    @property
    def account_sid(self) -> str:
        return self._account.sid

    @property
    def auth_token(self) -> str:
        return self._account.token

    @property
    def url(self) -> str:
        """Where the REST interface is."""
        return self._server.url

    def phone(self, number: str, ringing: Ringing | None = None) -> SimulatedPhone:
        """The phone with this number, plugged in on first use; `ringing` is how it behaves when called."""
        if number not in self._phones:
            self._phones[number] = SimulatedPhone(number, self.exchange, self.centre)
        if ringing is not None:
            self._phones[number].ringing = ringing
        return self._phones[number]

    async def call_in(self, phone: SimulatedPhone, number: str) -> CarrierCall:
        """`phone` calls a number of the account; returns when audio flows or the call is over already."""
        owned = self.stock.find(number)
        if owned is None or not owned.hooks.get("VoiceUrl"):
            raise NotFound("The account does not own that number, or nobody has set its voice URL yet.")
        return await phone.call(
            owned.hooks["VoiceUrl"],
            to=number,
            auth_token=self.auth_token,
            account_sid=self.account_sid,
            status_url=owned.hooks.get("StatusCallback", ""),
            deliver=self.deliver,
            on_call=self._remember,
        )

    def _inbox_of(self, number: str) -> Inbox | None:
        return self._phones[number].inbox if number in self._phones else None

    def _remember(self, call: CarrierCall) -> None:
        self.calls[call.sid] = call

    def _behaviour_of(self, number: str) -> Ringing:
        """How the phone behaves that a call is put through to; one that nobody plugged in answers at once."""
        phone = self._phones.get(number)
        if phone is None:
            return Ringing(lasts_s=0.0)
        return Ringing("busy", 0.0) if phone.is_busy else phone.ringing

    def place_call(self, form: Form, events: tuple[str, ...]) -> CarrierCall:
        """POST Calls: ring the phone with the number `To`."""
        to_number, from_number = form.get("To", ""), form.get("From", "")
        if not _E164.fullmatch(to_number):
            raise Refusal(400, 21211, f"The 'To' number {to_number} is not a valid phone number.")
        if self.stock.find(from_number) is None:
            message = f"The source phone number provided, {from_number}, is not yet verified for your account."
            raise Refusal(400, 21210, message)
        if not form.get("Url") and not form.get("Twiml"):
            raise Refusal(400, 21205, "Url parameter is required.")
        identity = Identity(
            self.account_sid,
            self.auth_token,
            from_number,
            to_number,
            "outbound-api",
            form.get("StatusCallback", ""),
            events or ("completed",),
        )
        phone = self._phones.get(to_number)
        if phone is None or phone.is_busy:
            outcome = "failed" if phone is None else "busy"
            phone = SimulatedPhone(to_number, self.exchange)
            phone.ringing = Ringing(outcome, 0.0)
        place = Place(form.get("Url", ""), form.get("Twiml", ""))
        call = phone.answer(Messenger(identity, self.exchange, self.deliver), place)
        self._remember(call)
        return call

    def update_call(self, sid: str, form: Form) -> CarrierCall:
        """POST Calls/{sid}: end a live call, or go on with another document."""
        call = self.calls.get(sid)
        if call is None:
            raise Refusal(404, 20404, f"The requested resource /Calls/{sid}.json was not found")
        if call.is_over:
            raise Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
        if form.get("Status") in {"completed", "canceled"}:
            call.order(Ending())
        elif form.get("Url") or form.get("Twiml"):
            call.order(Place(form.get("Url", ""), form.get("Twiml", "")))
        return call
