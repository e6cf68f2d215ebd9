"""The demo from the first line to the last: start everything, hold the call, show what remains of it, serve on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from parley.demo.narrator import Narrator
from parley.demo.screen import Screen
from parley.demo.script import converse
from parley.demo.stage import CALLERS_NUMBER, OWN_NUMBER, Desk, Json, Stage, best_voice, demo_key
from parley.demo.verdict import Evidence, findings
from parley.domain.errors import ConfigurationError, ParleyError
from parley.domain.secrets import Secret
from parley.server import Running, listen, running
from parley.settings import Settings, load_settings
from parley.simulation.carrier import SimulatedCarrier
from parley.simulation.phone import SimulatedPhone
from parley.simulation.serving import LoopbackServer

_LAST_EVENT_S = 10.0


async def play(*, once: bool) -> int:
    """0 when all of the call happened, 1 when something did not; without `once` serves until cancelled."""
    screen = Screen()
    screen.heading("parley demo: a phone call, complete, on this machine")
    voice = best_voice()
    _say_what_is_simulated(screen, voice)
    async with SimulatedCarrier() as carrier, _opened(screen, carrier) as (parley, data_dir, key):
        desk = Desk()
        async with (
            LoopbackServer(desk.app) as web,
            httpx.AsyncClient(base_url=parley.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as api,
        ):
            stage = Stage(api)
            carrier.stock.take(OWN_NUMBER)
            desk.open(await stage.build(desk.example.GREETING, voice, f"{web.url}/"))
            phone = carrier.phone(CALLERS_NUMBER)
            trouble = await _hold_call(screen, carrier, phone, stage)
            call = await _finished_call(stage, desk)
            if call is None:
                screen.verdict(False, trouble or "parley has no record of the call")
                return 1
            journal = data_dir / "journals" / f"{call['id']}.jsonl"
            _show_remains(screen, call, desk, journal)
            evidence = Evidence(
                call,
                desk.example.GREETING,
                phone.timeline,
                phone.problems,
                desk.events,
                desk.rules.messages,
                journal,
            )
            is_good = _judge(screen, evidence, trouble)
            _show_commands(screen, parley.url, key, call, journal)
            if once:
                return 0 if is_good else 1
            screen.heading(f"parley goes on serving on {parley.url} (the API: {parley.url}/docs). Ctrl-C stops it.")
            await asyncio.Event().wait()
    return 0


def _say_what_is_simulated(screen: Screen, voice: str) -> None:
    spoken_by = "espeak-ng, a robot" if voice == "espeak" else "a tone (install the extra `speech` for a robot voice)"
    screen.text(
        "Real: parley, its database, the carrier's webhooks, signatures and media websocket, the conversation, the "
        "events. Simulated: the telephone network; the caller, who follows a script; and the recogniser, which reads "
        f"the words hidden in the caller's audio. The agent's voice is {spoken_by}. Nothing leaves this machine."
    )


@asynccontextmanager
async def _opened(screen: Screen, carrier: SimulatedCarrier) -> AsyncIterator[tuple[Running, Path, str]]:
    """A running parley with the embedded database and the simulated carrier, its data folder and a key."""
    settings = _settings(screen, carrier)
    screen.text(f"Starting on the embedded database in {settings.data_dir.resolve()} ...")
    async with running(settings) as parley:
        key = await demo_key(parley.house.services.projects, settings.data_dir / "demo.key")
        yield parley, settings.data_dir, key


def _settings(screen: Screen, carrier: SimulatedCarrier) -> Settings:
    """The operator's, except for what would lead out of this machine or into another database."""
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
        journal_dir=configured.data_dir / "journals",
        twilio_account_sid=carrier.account_sid,
        twilio_auth_token=Secret(carrier.auth_token),
        twilio_base_url=carrier.url,
    )


async def _hold_call(screen: Screen, carrier: SimulatedCarrier, phone: SimulatedPhone, stage: Stage) -> str:
    """Returns what went wrong, or nothing."""
    screen.heading(f"{CALLERS_NUMBER} calls {OWN_NUMBER}")
    clock = asyncio.get_running_loop().time
    began_at = clock()
    try:
        await carrier.call_in(phone, OWN_NUMBER)
        ending = await converse(phone, Narrator(screen, stage, phone.timeline, began_at))
    except TimeoutError:
        await phone.hang_up()
        return "the caller was left waiting for an answer and hung up"
    except ParleyError as error:
        return f"the call broke off: {error.message}"
    screen.spoken(clock() - began_at, "line", f"the agent hung up; the carrier reports the call as {ending}")
    return ""


async def _finished_call(stage: Stage, desk: Desk) -> Json | None:
    """The call as it is on record once its last event has arrived."""
    call = await stage.newest_call()
    for _ in range(int(_LAST_EVENT_S / 0.1)):
        if call and any(
            event["event"] == "call.ended" and event["data"]["callId"] == call["id"] for event in desk.events
        ):
            break
        await asyncio.sleep(0.1)
        call = await stage.newest_call()
    return await stage.newest_call()


def _show_remains(screen: Screen, call: Json, desk: Desk, journal: Path) -> None:
    screen.heading("What remains of it")
    screen.item("call", f"{call['id']}: {call['status']}, {call['endReason']}, {call['durationSeconds']} s")
    screen.item("message", "; ".join(desk.rules.messages) or "none was left")
    events = Counter(event["event"] for event in desk.events if event["data"]["callId"] == call["id"])
    arrived = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in events.items())
    screen.item("events", f"{arrived}; the webhook checked every signature")
    screen.item("journal", str(journal))


def _judge(screen: Screen, evidence: Evidence, trouble: str) -> bool:
    screen.heading("Did all of it happen?")
    if trouble:
        screen.verdict(False, trouble)
    is_good = not trouble
    for finding in findings(evidence):
        screen.verdict(*finding)
        is_good = is_good and finding.is_good
    return is_good


def _show_commands(screen: Screen, url: str, key: str, call: Json, journal: Path) -> None:
    screen.heading("Go on from here")
    screen.command(f"export PARLEY={url} KEY={key}")
    screen.command(f'curl -H "Authorization: Bearer $KEY" $PARLEY/v1/calls/{call["id"]}/transcript')
    screen.command('curl -H "Authorization: Bearer $KEY" $PARLEY/v1/webhooks/deliveries')
    screen.command(
        f'curl -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -X PATCH '
        f'$PARLEY/v1/agents/{call["agentId"]} -d \'{{"description": "Answers for the garden centre"}}\''
    )
    screen.command(f"parley replay {journal}")
    screen.text(
        "The webhook that answered is examples/front_desk: copy it and make it yours. README.md says what it takes to "
        "answer a real phone number."
    )
