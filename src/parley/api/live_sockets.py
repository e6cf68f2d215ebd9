"""Supervisors' websockets: events and sound one way, commands and a human's voice the other.

Texts are JSON: events as `live_events` spells them, and acknowledgements `{"event": "ack", "id", "ok"}` of commands
`{"id", "do", …}`. Binary messages are sound: to the client 16-bit little-endian stereo at 8 kHz, the caller left, our
side right; from a client that has taken the call over 16-bit little-endian mono at 8 kHz.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send

from parley.api.errors import error_response
from parley.api.live_commands import Commands
from parley.api.live_events import as_text, spelled
from parley.api.mount import presented_key
from parley.api.operations import Services
from parley.api.reading import check_ids
from parley.api.sockets import POLICY_VIOLATION
from parley.domain.errors import ParleyError
from parley.schemas.dialects import NATIVE, THREETONE, Dialect
from parley.services.live_view import Watching
from parley.services.projects import Opened
from parley.services.watchers import Sound

_SERVICE_RESTART = 1012
_TOO_LARGE = 1009
_NORMAL = 1000
MAX_COMMAND_CHARS = 16_384
MAX_SOUND_BYTES = 32_000
"""Two seconds of a supervisor's voice in one message; a frame should have 20 to 100 ms."""


@dataclass(frozen=True, slots=True)
class LivePath:
    """One websocket. `listens` from the beginning, as `?listen=true` does anywhere else."""

    path: str
    dialect: Dialect
    listens: bool = False


PATHS: tuple[LivePath, ...] = (
    LivePath("/calls/live", NATIVE),
    LivePath("/calls/{call_id}/live", NATIVE),
    LivePath("/calls/{call_id}/listen", NATIVE, listens=True),
    LivePath("/conversations/stream", THREETONE),
    LivePath("/conversations/{conversation_id}/stream", THREETONE),
)


def live_routes(services: Services) -> list[BaseRoute]:
    """They stand beside the operations of the same paths: an upgrade finds these, a GET those."""
    return [WebSocketRoute(each.dialect.prefix + each.path, _Endpoint(services, each)) for each in PATHS]


class _Endpoint:
    """Lets a client in, or tells it as HTTP why not."""

    def __init__(self, services: Services, live_path: LivePath) -> None:
        self._services = services
        self._path = live_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        call_id: str | None = next(iter(scope["path_params"].values()), None)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        try:
            check_ids(scope["path_params"])
            opened = await self._opened(scope, query.get("token", [""])[0], call_id)
            watching = await self._services.live.watch(opened, call_id)
        except ParleyError as refused:
            await _refuse(scope, send, refused, self._path.dialect)
            return
        try:
            await send({"type": "websocket.accept"})
            if call_id is not None and (self._path.listens or query.get("listen") == ["true"]):
                watching.listen(is_on=True)
            commands = Commands(self._services, opened, call_id, watching)
            await LiveSocket(watching, commands, self._path.dialect, receive, send).run()
        except OSError:  # the client left before it was let in
            return
        finally:
            await watching.aclose()

    async def _opened(self, scope: Scope, token: str, call_id: str | None) -> Opened:
        connection = HTTPConnection(scope)
        if token and not (connection.headers.get("authorization") or connection.headers.get("x-api-key")):
            return await self._services.live.redeem(token, call_id)
        return await self._services.projects.opened_by(presented_key(connection).reveal())


async def _refuse(scope: Scope, send: Send, refused: ParleyError, dialect: Dialect) -> None:
    """With the status and the words of any other answer, where the server can say them instead of upgrading."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    answer = error_response(refused, dialect)
    await send(
        {"type": "websocket.http.response.start", "status": answer.status_code, "headers": list(answer.raw_headers)}
    )
    await send({"type": "websocket.http.response.body", "body": bytes(answer.body)})


class LiveSocket:
    """One accepted connection, until either side has had enough."""

    def __init__(self, watching: Watching, commands: Commands, dialect: Dialect, receive: Receive, send: Send) -> None:
        self._watching = watching
        self._commands = commands
        self._dialect = dialect
        self._receive = receive
        self._send = send
        self._sending = asyncio.Lock()
        self._is_open = True

    async def run(self) -> None:
        """Tell and obey side by side; when one of them has ended the other does too."""
        async with asyncio.TaskGroup() as tasks:
            work = {tasks.create_task(part) for part in (self._tell(), self._obey(), self._commands.run())}
            _, rest = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()

    async def _tell(self) -> None:
        async for shown in self._watching:
            if not self._is_open:
                return
            if isinstance(shown, Sound):
                await self._hand_over({"type": "websocket.send", "bytes": shown.audio})
            elif (event := spelled(shown, self._dialect)) is not None:
                await self._hand_over({"type": "websocket.send", "text": as_text(event)})
        await self._close(_SERVICE_RESTART if self._watching.was_let_go else _NORMAL)

    async def _obey(self) -> None:
        while (message := await self._receive())["type"] == "websocket.receive":
            text, sound = message.get("text"), message.get("bytes")
            if (text and len(text) > MAX_COMMAND_CHARS) or (sound and len(sound) > MAX_SOUND_BYTES):
                await self._close(_TOO_LARGE)
                return
            if text is not None:
                answer = await self._commands.obey(text)
                await self._hand_over({"type": "websocket.send", "text": as_text(answer)})
            elif sound:
                self._commands.speak(sound)

    async def _hand_over(self, message: Message) -> None:
        async with self._sending:
            if not self._is_open:
                return
            try:
                await self._send(message)
            except OSError:  # the client left; `_receive` says so too
                self._is_open = False

    async def _close(self, code: int) -> None:
        await self._hand_over({"type": "websocket.close", "code": code})
        self._is_open = False
