"""What a supervisor asks for over a websocket, and the acknowledgement of each."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, ClassVar, TypeVar

import structlog

from parley.api.operations import Services
from parley.api.reading import parse_object
from parley.domain.errors import BadInput, Conflict, FieldError, ParleyError
from parley.domain.live_events import HandBack, SayLine, TakeOver, Whisper
from parley.schemas.base import Wire, parse, respelled
from parley.schemas.live import (
    HandBackCreate,
    ListenChange,
    SayCreate,
    TakeOverCreate,
    TransferCreate,
    WhisperCreate,
)
from parley.services.live_view import Watching
from parley.services.projects import Opened

log = structlog.get_logger()

Json = dict[str, Any]
Shape = TypeVar("Shape", bound=Wire)

GRACE_S = 6.0
"""A taken-over call whose supervisor's connection is gone is handed back after this."""
QUIET_S = 15.0
"""A supervisor who has a call and sends nothing at all for so long is taken to be gone."""
_RENEW_S = 2.0
_MAX_ID_CHARS = 64


class Commands:
    """Of one connection. `call_id` None is the project's stream, on which a command names its call.

    While the connection has a call taken over, `run` says again and again that it is still there.
    """

    def __init__(
        self,
        services: Services,
        opened: Opened,
        call_id: str | None,
        watching: Watching,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._services = services
        self._opened = opened
        self._call_id = call_id
        self._watching = watching
        self._by = ""
        self._has_taken_over = asyncio.Event()
        self._now_s = now_s
        self._heard_at = self._renewed_at = now_s()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._has_taken_over.wait()
            await asyncio.sleep(_RENEW_S)
            await self.renew()

    async def renew(self) -> None:
        """Say that the supervisor is still there, if that is so and the call is still theirs.

        Only when nobody has taken that for as long as a call waits for it, the call is somebody else's by now.
        """
        if self._by and self._call_id is not None:
            still = TakeOver(self._by, GRACE_S, renews=True)
            if self._now_s() - self._heard_at >= QUIET_S:
                self._let_go()
            elif await self._services.live.renew(self._call_id, still):
                self._renewed_at = self._now_s()
            elif self._now_s() - self._renewed_at >= GRACE_S:
                self._let_go()

    def speak(self, audio: bytes) -> None:
        """What comes before the call was taken over is heard by nobody; half a sample is left out."""
        self._heard_at = self._now_s()
        if self._by and self._call_id is not None:
            self._services.live.speak(self._call_id, self._by, audio[: len(audio) & ~1])

    async def obey(self, text: str) -> Json:
        """Carry a command out, and say how that went."""
        self._heard_at = self._now_s()
        command: Json = {}
        try:
            command = parse_object(text.encode())
            await self._do(command)
        except ParleyError as refused:
            shown = respelled(refused, command) if isinstance(refused, BadInput) else refused
            return _ack(command) | {"ok": False, "code": shown.code, "detail": shown.message}
        return _ack(command) | {"ok": True}

    async def _do(self, command: Json) -> None:
        name = command.get("do")
        act = self._ACTS.get(name) if isinstance(name, str) else None
        if act is None:
            raise _bad("do", f"should be one of {', '.join(self._ACTS)}")
        await self._services.live.require_key(self._opened)
        await act(self, self._call_of(command), command)

    def _call_of(self, command: Mapping[str, Any]) -> str:
        call_id = self._call_id or command.get("callId", command.get("call_id"))
        if not isinstance(call_id, str) or not call_id:
            raise _bad("callId", "is required on the stream of all calls")
        return call_id

    # ------------------------------------------------------------ what may be asked

    async def _whisper(self, call_id: str, command: Json) -> None:
        await self._services.live.steer(self._opened, call_id, Whisper(parse(WhisperCreate, command).text))

    async def _say(self, call_id: str, command: Json) -> None:
        wanted = parse(SayCreate, command)
        await self._services.live.steer(self._opened, call_id, SayLine(wanted.text, wanted.protected))

    async def _transfer(self, call_id: str, command: Json) -> None:
        wanted = parse(TransferCreate, command)
        await self._services.live.transfer(self._opened, call_id, wanted.to_number, wanted.say)

    async def _end(self, call_id: str, command: Json) -> None:
        await self._services.calls.end(self._opened.project_id, call_id)
        log.info("call_steered", call_id=call_id, how="End", key_id=self._opened.key_id)

    async def _take_over(self, call_id: str, command: Json) -> None:
        self._require_own_call()
        by = parse(TakeOverCreate, command).name or f"supervisor-{secrets.token_hex(4)}"
        await self._services.live.steer(self._opened, call_id, TakeOver(by, GRACE_S))
        self._by, self._renewed_at = by, self._now_s()
        self._has_taken_over.set()

    async def _hand_back(self, call_id: str, command: Json) -> None:
        wanted = parse(HandBackCreate, command)
        if call_id == self._call_id:
            self._let_go()
        await self._services.live.steer(self._opened, call_id, HandBack(wanted.note, wanted.say))

    async def _stay(self, call_id: str, command: Json) -> None:
        """Only that the supervisor is there, who has nothing to say."""

    async def _listen(self, call_id: str, command: Json) -> None:
        self._require_own_call()
        self._watching.listen(is_on=parse(ListenChange, command).on)

    def _let_go(self) -> None:
        self._by = ""
        self._has_taken_over.clear()

    def _require_own_call(self) -> None:
        if self._call_id is None:
            raise Conflict("Sound goes over a call's own stream; open that one, at /v1/calls/{id}/live.")

    _ACTS: ClassVar[Mapping[str, Callable[[Commands, str, Json], Awaitable[None]]]] = {
        "whisper": _whisper,
        "say": _say,
        "transfer": _transfer,
        "end": _end,
        "take_over": _take_over,
        "hand_back": _hand_back,
        "listen": _listen,
        "stay": _stay,
    }


def _bad(field: str, why: str) -> BadInput:
    return BadInput(f"`{field}` {why}.", [FieldError(field, why)])


def _ack(command: Mapping[str, Any]) -> Json:
    """Under the id the client chose, if it is one."""
    chosen = command.get("id")
    is_one = isinstance(chosen, str | int) and len(str(chosen)) <= _MAX_ID_CHARS
    return {"version": 1, "event": "ack", "id": chosen if is_one else None}
