"""The demo from the first line to the last: start everything, hold the call, show what remains of it, serve on."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from parley.demo.narrator import Narrator
from parley.demo.screen import Screen
from parley.demo.script import converse
from parley.demo.stage import CALLERS_NUMBER, OWN_NUMBER, Desk, Json, Stage, best_voice, demo_key
from parley.demo.verdict import Evidence, Finding, findings
from parley.domain.errors import ConfigurationError, ParleyError
from parley.domain.secrets import Secret
from parley.server import listen, running
from parley.settings import Settings, load_settings
from parley.simulation.carrier import SimulatedCarrier
from parley.simulation.serving import LoopbackServer

T = TypeVar("T")

_LAST_EVENT_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def play(*, once: bool) -> int:
    """0 when all of the call happened, 1 when something did not, 130 when it was stopped before; see `run`."""
    screen = Screen()
    screen.heading("parley demo: a phone call, complete, on this machine")
    voice = best_voice()
    _say_what_is_simulated(screen, voice)
    desk = Desk()
    async with (
        SimulatedCarrier() as carrier,
        _opened(screen, carrier) as (url, key, data_dir),
        LoopbackServer(desk.app) as web,
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as api,
    ):
        stage = Stage(api)
        carrier.stock.take(OWN_NUMBER)
        desk.open(await stage.build(desk.example.GREETING, voice, f"{web.url}/"))
        show = _Show(screen, carrier, desk, stage, data_dir / "journals")
        result = await _unless_stopped(show.run(f"export PARLEY={url} KEY={key}"))
        if result is None or once:
            return 130 if result is None else result
        screen.heading(f"parley goes on serving on {url} (the API: {url}/docs). Ctrl-C stops it.")
        await _unless_stopped(asyncio.Event().wait())
        return result


async def _unless_stopped(work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`, or None when a signal came first: what it stands on is then closed in order."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        working, waiting = tasks.create_task(work), tasks.create_task(stopped.wait())
        for number in _SIGNALS:
            loop.add_signal_handler(number, stopped.set)
        try:
            await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
        waiting.cancel()
        if not working.done():
            working.cancel()
            return None
        return working.result()


def _say_what_is_simulated(screen: Screen, voice: str) -> None:
    spoken_by = "espeak-ng, a robot" if voice == "espeak" else "a tone (install the extra `speech` for a robot voice)"
    screen.text(
        "Real: parley, its database, the carrier's webhooks, signatures and media websocket, the conversation, the "
        "events. Simulated: the telephone network; the caller, who follows a script; and the recogniser, which reads "
        f"the words hidden in the caller's audio. The agent's voice is {spoken_by}. Nothing leaves this machine."
    )


@asynccontextmanager
async def _opened(screen: Screen, carrier: SimulatedCarrier) -> AsyncIterator[tuple[str, str, Path]]:
    """A running parley with the embedded database and the simulated carrier: its URL, a key, its data folder."""
    settings = _settings(screen, carrier)
    screen.text(f"Starting on the embedded database in {settings.data_dir.resolve()} ...")
    async with running(settings) as parley:
        key = await demo_key(parley.house.services.projects, settings.data_dir / "demo.key")
        yield parley.url, key, settings.data_dir


def _settings(screen: Screen, carrier: SimulatedCarrier) -> Settings:
    """The operator's, except for what would lead out of this machine or into another database.

    All callers are simulated, and so is who hears them.
    """
    configured = load_settings()
    port = configured.port
    try:
        listen(configured.host, port).close()
    except ConfigurationError:
        screen.text(f"Port {port} is taken; another free one is used.")
        port = 0
    return load_settings(
        port=port,
        database_url=None,
        redis_url=None,
        public_url=None,
        allow_private_targets=True,
        speech_to_text="simulated",
        journal_dir=configured.data_dir / "journals",
        twilio_account_sid=carrier.account_sid,
        twilio_auth_token=Secret(carrier.auth_token),
        twilio_base_url=carrier.url,
    )


class _Show:
    """The call and what is shown of it."""

    def __init__(self, screen: Screen, carrier: SimulatedCarrier, desk: Desk, stage: Stage, journals: Path) -> None:
        self._screen = screen
        self._carrier = carrier
        self._phone = carrier.phone(CALLERS_NUMBER)
        self._desk = desk
        self._stage = stage
        self._journals = journals

    async def run(self, exports: str) -> int:
        """0 when all of it happened; `exports` is the line that the commands at the end stand on."""
        async with self._stage.reached():
            trouble = await self._hold_call()
        call = await self._finished_call()
        if call is None:
            self._screen.verdict(False, trouble or "parley has no record of the call")
            return 1
        journal = self._journals / f"{call['id']}.jsonl"
        self._show_remains(call, journal)
        is_good = self._judge(call, journal, trouble)
        self._show_commands(exports, call, journal)
        return 0 if is_good else 1

    async def _hold_call(self) -> str:
        """Returns what went wrong, or nothing."""
        clock = asyncio.get_running_loop().time
        self._screen.heading(f"{CALLERS_NUMBER} calls {OWN_NUMBER}")
        began_at = clock()
        try:
            await self._carrier.call_in(self._phone, OWN_NUMBER)
            narrator = Narrator(self._screen, self._stage, self._phone.timeline, began_at)
            ending = await converse(self._phone, narrator)
        except TimeoutError:
            await self._phone.hang_up()
            return "the caller was left waiting for an answer and hung up"
        except ParleyError as error:
            return f"the call broke off: {error.message}"
        self._screen.spoken(clock() - began_at, "line", f"the agent hung up; the carrier calls the call {ending}")
        return ""

    async def _finished_call(self) -> Json | None:
        """The call as it is on record once its last event has arrived."""
        for _ in range(int(_LAST_EVENT_S / _LOOK_EVERY_S)):
            call = await self._stage.newest_call()
            if call and any(event["event"] == "call.ended" for event in self._desk.events_of(call["id"])):
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        return await self._stage.newest_call()

    def _show_remains(self, call: Json, journal: Path) -> None:
        self._screen.heading("What remains of it")
        how = f"{call['status']} after {call['durationSeconds']} s, {call['endReason']}"
        self._screen.item("call", f"{call['id']}: {how}")
        self._screen.item("message", "; ".join(self._desk.rules.messages) or "none was left")
        events = Counter(event["event"] for event in self._desk.events_of(call["id"]))
        arrived = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in events.items())
        self._screen.item("events", f"{arrived}; the webhook checked every signature")
        self._screen.item("journal", str(journal))

    def _judge(self, call: Json, journal: Path, trouble: str) -> bool:
        self._screen.heading("Did all of it happen?")
        evidence = Evidence(
            call=call,
            greeting=self._desk.example.GREETING,
            ear=self._phone.timeline,
            complaints=self._phone.problems,
            events=self._desk.events_of(call["id"]),
            messages=self._desk.rules.messages,
            journal=journal,
        )
        verdict = [Finding(False, trouble)] if trouble else []
        verdict += findings(evidence)
        for finding in verdict:
            self._screen.verdict(*finding)
        return all(finding.is_good for finding in verdict)

    def _show_commands(self, exports: str, call: Json, journal: Path) -> None:
        authorised = 'curl -s -H "Authorization: Bearer $KEY"'
        change = "-H 'Content-Type: application/json' -X PATCH -d '{\"description\": \"The garden centre\"}'"
        self._screen.heading("Go on from here")
        self._screen.command(exports)
        self._screen.command(f"{authorised} $PARLEY/v1/calls/{call['id']}/transcript")
        self._screen.command(f"{authorised} $PARLEY/v1/webhooks/deliveries")
        self._screen.command(f"{authorised} {change} $PARLEY/v1/agents/{call['agentId']}")
        command = sys.argv[0] if Path(sys.argv[0]).name == "parley" else "parley"
        self._screen.command(f"{command} replay {journal}")
        self._screen.text(
            "The webhook that answered is examples/front_desk: copy it and make it yours. README.md says what it takes "
            "to answer a real phone number."
        )
