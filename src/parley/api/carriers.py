"""Where carriers come in: their webhooks about numbers, calls and texts, and the websocket that brings the audio.

A webhook is read as raw bytes, bounded, and verified against the token of the account that owns what it tells of before
anything is parsed. Whatever is wrong with it, the answer is a 403 and nothing has happened. The signature covers the
configured public URL; what the Host header says is never used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from parley.api.reading import check_ids, read_body
from parley.api.sockets import POLICY_VIOLATION, TRY_AGAIN_LATER, AsgiTextSocket
from parley.domain.calls import CallPlan
from parley.domain.carriers import CarrierAccount
from parley.domain.errors import (
    BadInput,
    ConfigurationError,
    Conflict,
    Draining,
    Forbidden,
    NotFound,
    ParleyError,
    ProviderError,
    TooLarge,
)
from parley.domain.phone_numbers import is_e164
from parley.domain.secrets import Secret
from parley.domain.stages import Forwarding
from parley.providers.protocols import Carrier, Document, IncomingLeg, LegEvents, MediaLeg
from parley.services.accounts import CarrierAccounts
from parley.services.calls import Calls
from parley.services.messages import Messages
from parley.services.switchboard import Switchboard

log = structlog.get_logger()

MAX_HOOK_BYTES = 65_536
HANDSHAKE_TIMEOUT_S = 5.0
FORWARD_TIMEOUT_S = 25
"""How long a human's phone rings: most mailboxes of telephone companies answer after that."""
MAX_STRANGERS = 256
"""Sockets that have not shown their token yet; one more is turned away at once."""


class Exchange(Switchboard, Protocol):
    """The live sessions of this process, as the edge needs them."""

    async def attach(self, call_id: str, leg: MediaLeg) -> LegEvents:
        """Join the phone's audio to its session. Raises NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Hook:
    """One verified webhook."""

    carrier: Carrier
    name: str
    owner_id: str
    body: bytes


class _RawAsgi:
    """Lets a route hand a coroutine method the raw ASGI calls; a bare method would be given a session object."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class CarrierEdge:
    """The routes under `/carriers`. `public_url` is this server's address as carriers reach it."""

    def __init__(
        self,
        carriers: Mapping[str, Carrier],
        accounts: CarrierAccounts,
        calls: Calls,
        messages: Messages,
        exchange: Exchange,
        public_url: str,
        *,
        handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S,
    ) -> None:
        self._carriers = carriers
        self._accounts = accounts
        self._calls = calls
        self._messages = messages
        self._exchange = exchange
        self._public_url = public_url.rstrip("/")
        self._handshake_timeout_s = handshake_timeout_s
        self._strangers = 0

    def routes(self) -> list[BaseRoute]:
        number, call = "/carriers/{carrier}/numbers/{owner_id}", "/carriers/{carrier}/calls/{owner_id}"
        return [
            self._hook(f"{number}/voice", self._accounts.for_number, self._number_rings),
            self._hook(f"{number}/status", self._accounts.for_number, self._number_status),
            self._hook(f"{number}/message", self._accounts.for_number, self._message_came),
            self._hook(f"{call}/answer", self._accounts.for_call, self._call_answered),
            self._hook(f"{call}/status", self._accounts.for_call, self._call_status),
            self._hook(f"{call}/after", self._accounts.for_call, self._stage_ended),
            self._hook(f"{call}/forwarded", self._accounts.for_call, self._human_answered),
            self._hook(
                "/carriers/{carrier}/messages/{owner_id}/status", self._accounts.for_message, self._message_went
            ),
            WebSocketRoute("/carriers/{carrier}/media", _RawAsgi(self._media)),
        ]

    # ------------------------------------------------------------ webhooks

    def _hook(
        self,
        path: str,
        account_of: Callable[[str], Awaitable[tuple[str, CarrierAccount]]],
        act: Callable[[Hook], Awaitable[Document | None]],
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                document = await act(await self._verified(request, account_of))
            except (BadInput, Forbidden, NotFound, TooLarge):
                log.warning("carrier_hook_refused", path=path)
                return Response("Forbidden", status_code=403, media_type="text/plain")
            if document is None:
                return Response(status_code=204)
            return Response(document.body, headers={"content-type": document.content_type})

        return Route(path, endpoint, methods=["POST"], include_in_schema=False)

    async def _verified(
        self, request: Request, account_of: Callable[[str], Awaitable[tuple[str, CarrierAccount]]]
    ) -> Hook:
        check_ids(request.path_params)
        name, owner_id = request.path_params["carrier"], request.path_params["owner_id"]
        carrier = self._carriers.get(name)
        if carrier is None:
            raise Forbidden("There is no such carrier.")
        body = await read_body(request, MAX_HOOK_BYTES)
        owning_carrier, account = await account_of(owner_id)
        if owning_carrier != name or not account.token:
            raise Forbidden("The webhook is not signed by the account that owns what it tells about.")
        carrier.verify(account.token, self._signed_url(request.scope), request.headers, body)
        return Hook(carrier, name, owner_id, body)

    def _signed_url(self, scope: Scope) -> str:
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1")
        return f"{self._public_url}{path}?{query}" if query else f"{self._public_url}{path}"

    async def _number_rings(self, hook: Hook) -> Document:
        try:
            plan, token = await self._calls.ring_inbound(hook.owner_id, hook.carrier.read_ringing(hook.body))
        except (Conflict, Draining, ProviderError) as declined:
            log.info("inbound_call_declined", number_id=hook.owner_id, why=declined.code)
            return hook.carrier.reject_document()
        except ConfigurationError as broken:
            log.error("inbound_call_declined", number_id=hook.owner_id, why=broken.message)
            return hook.carrier.reject_document()
        return self._document(hook, plan, token)

    async def _number_status(self, hook: Hook) -> None:
        await self._report(hook, number_id=hook.owner_id)

    async def _call_answered(self, hook: Hook) -> Document:
        try:
            plan, token = await self._calls.answer_outbound(hook.owner_id)
        except (Conflict, Draining, ProviderError):
            return hook.carrier.hangup_document()
        except ConfigurationError as broken:
            log.error("outbound_call_not_answered", call_id=hook.owner_id, why=broken.message)
            return hook.carrier.hangup_document()
        return self._document(hook, plan, token)

    async def _call_status(self, hook: Hook) -> None:
        await self._report(hook, call_id=hook.owner_id)

    async def _report(self, hook: Hook, **whose: str) -> None:
        report = hook.carrier.read_report(hook.body)
        try:
            await self._calls.report(report, **whose)
        except NotFound:  # truly the carrier's, about a call that was declined before it was one
            log.info("report_of_unknown_call", carrier=hook.name)

    async def _stage_ended(self, hook: Hook) -> Document:
        try:
            plan, token = await self._calls.after(hook.owner_id, hook.carrier.read_forwarded(hook.body))
        except Conflict:
            return hook.carrier.hangup_document()
        except ConfigurationError as broken:
            log.error("call_not_continued", call_id=hook.owner_id, why=broken.message)
            return hook.carrier.hangup_document()
        return self._document(hook, plan, token)

    async def _human_answered(self, hook: Hook) -> None:
        await self._calls.forwarded(hook.owner_id)

    async def _message_came(self, hook: Hook) -> Document:
        await self._messages.receive(hook.owner_id, hook.carrier.read_message(hook.body))
        return hook.carrier.message_document()

    async def _message_went(self, hook: Hook) -> None:
        await self._messages.report(hook.owner_id, hook.carrier.read_message_report(hook.body))

    def _document(self, hook: Hook, plan: CallPlan, token: Secret) -> Document:
        """What the carrier does next: stream the call's audio to us, or ring a human."""
        root = f"{self._public_url}/carriers/{hook.name}"
        after_url = f"{root}/calls/{plan.call_id}/after"
        if isinstance(plan.stage, Forwarding):
            return hook.carrier.forward_document(
                plan.stage.phone_number,
                plan.from_number if is_e164(plan.from_number) else plan.to_number,
                after_url=after_url,
                answered_url=f"{root}/calls/{plan.call_id}/forwarded",
                timeout_s=FORWARD_TIMEOUT_S,
            )
        return hook.carrier.connect_document(f"ws{root.removeprefix('http')}/media", token.reveal(), after_url)

    # ------------------------------------------------------------ audio

    async def _media(self, scope: Scope, receive: Receive, send: Send) -> None:
        carrier = self._carriers.get(scope["path_params"]["carrier"])
        socket = AsgiTextSocket(receive, send)
        if not await socket.accept():
            return
        try:
            if carrier is None or self._strangers >= MAX_STRANGERS:
                await socket.close(POLICY_VIOLATION if carrier is None else TRY_AGAIN_LATER)
                return
            leg = carrier.leg(socket)
            plan = await self._admitted(leg)
            if plan is None or (events := await self._join(plan, leg)) is None:
                await socket.close(POLICY_VIOLATION)
                return
            await leg.run(events)
        finally:
            await socket.close()

    async def _admitted(self, leg: IncomingLeg) -> CallPlan | None:
        """The plan of the call whose token the socket shows in time; nothing else is told to a stranger."""
        self._strangers += 1
        try:
            async with asyncio.timeout(self._handshake_timeout_s):
                return await self._calls.redeem_stream_token(await leg.handshake())
        except (TimeoutError, ParleyError) as refused:
            log.warning("media_socket_refused", why=getattr(refused, "code", "silent"))
            return None
        finally:
            self._strangers -= 1

    async def _join(self, plan: CallPlan, leg: MediaLeg) -> LegEvents | None:
        try:
            self._exchange.prepare(plan)
            return await self._exchange.attach(plan.call_id, leg)
        except ParleyError as refused:
            log.warning("media_socket_refused", call_id=plan.call_id, why=refused.code)
            return None
