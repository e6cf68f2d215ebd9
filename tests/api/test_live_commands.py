"""What a supervisor may ask for over a websocket, and how long they are taken to be there. Time passes by hand."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from parley.api.live_commands import GRACE_S, QUIET_S, Commands
from parley.api.operations import Services
from parley.domain.errors import Conflict, Unauthorized
from parley.domain.live_events import HandBack, SayLine, Steer, TakeOver, Whisper
from parley.services.live_view import Watching
from parley.services.projects import Opened

OPENED = Opened("proj_1", "key_1")


class Live:
    """The services a connection asks, and the stream it belongs to."""

    def __init__(self) -> None:
        self.live = self
        self.calls = self
        self.asked: list[tuple[str, Any]] = []
        self.refuses = self.is_revoked = False

    async def require_key(self, opened: Opened) -> None:
        if self.is_revoked:
            raise Unauthorized("Revoked.")

    async def steer(self, opened: Opened, call_id: str, command: Steer) -> None:
        assert opened is OPENED
        self.asked.append((call_id, command))
        if self.refuses:
            raise Conflict("Somebody else has it.")

    async def renew(self, call_id: str, command: Steer) -> bool:
        self.asked.append((call_id, command))
        return not self.refuses

    async def transfer(self, opened: Opened, call_id: str, to_number: str | None, say: str) -> None:
        self.asked.append((call_id, (to_number, say)))

    async def end(self, project_id: str, call_id: str) -> None:
        self.asked.append((call_id, project_id))

    def speak(self, call_id: str, by: str, audio: bytes) -> None:
        self.asked.append((call_id, (by, audio)))

    def listen(self, *, is_on: bool) -> None:
        self.asked.append(("", is_on))


class Connection:
    def __init__(self, call_id: str | None = "call_1") -> None:
        self.services, self.now = Live(), 100.0
        self.commands = Commands(
            cast(Services, self.services), OPENED, call_id, cast(Watching, self.services), lambda: self.now
        )

    async def ask(self, do: str, **fields: object) -> dict[str, Any]:
        answer = await self.commands.obey(json.dumps({"id": 7, "do": do, **fields}))
        assert (answer["event"], answer["id"]) == ("ack", 7)
        return answer

    @property
    def last(self) -> Any:
        return self.services.asked[-1]


@pytest.mark.parametrize(
    ("do", "fields", "expected"),
    [
        ("whisper", {"text": "Be kind."}, Whisper("Be kind.")),
        ("say", {"text": "Hello."}, SayLine("Hello.")),
        ("say", {"text": "Hello.", "protected": True}, SayLine("Hello.", is_protected=True)),
        ("transfer", {"toNumber": "+14155550123"}, ("+14155550123", "")),
        ("transfer", {"to_number": "+14155550123", "say": "One moment."}, ("+14155550123", "One moment.")),
        ("end", {}, "proj_1"),
        ("take_over", {"name": "Ann"}, TakeOver("Ann", 6.0)),
        ("hand_back", {"note": "Done.", "say": "Back."}, HandBack("Done.", "Back.")),
    ],
)
async def test_each_command_reaches_its_call(do: str, fields: dict[str, object], expected: object) -> None:
    connection = Connection()
    assert (await connection.ask(do, **fields))["ok"]
    assert connection.last == ("call_1", expected)


async def test_what_cannot_be_meant_is_answered_in_words() -> None:
    connection = Connection()
    for text, word in (
        ("[]", "JSON object"),
        ("{", "not valid JSON"),
        ('{"do": "sing"}', "should be one of"),
        ('{"do": ["end"]}', "should be one of"),
        ('{"do": "say"}', "`text` is required"),
        ('{"do": "transfer", "to_number": "12"}', "`to_number` must be a phone number"),
        ('{"do": "listen", "on": "yes"}', "`on`"),
    ):
        answer = await connection.commands.obey(text)
        assert (answer["ok"], answer["code"], answer["id"]) == (False, "invalid_request", None)
        assert word in answer["detail"]
    assert connection.services.asked == []


async def test_a_key_that_was_revoked_may_do_nothing() -> None:
    connection = Connection()
    connection.services.is_revoked = True
    for do in ("whisper", "say", "transfer", "end", "take_over", "hand_back", "listen", "stay"):
        answer = await connection.ask(do, text="Hi.", name="Ann", toNumber="+14155550123", on=True)
        assert (answer["ok"], answer["code"]) == (False, "unauthorized")
    assert connection.services.asked == []


async def test_a_refusal_is_told_and_nothing_is_held() -> None:
    connection = Connection()
    connection.services.refuses = True
    answer = await connection.ask("take_over", name="Ann")
    assert (answer["ok"], answer["code"]) == (False, "conflict")
    connection.commands.speak(b"\0\0")
    assert connection.last == ("call_1", TakeOver("Ann", 6.0))


async def test_on_the_projects_stream_a_command_names_its_call_and_sound_has_no_place() -> None:
    connection = Connection(None)
    assert "callId" in (await connection.ask("say", text="Hi."))["detail"]
    assert (await connection.ask("say", text="Hi.", callId="call_2"))["ok"]
    assert connection.last == ("call_2", SayLine("Hi."))
    assert (await connection.ask("say", text="Hi.", call_id="call_3"))["ok"]
    for do in ("take_over", "listen"):
        assert (await connection.ask(do, callId="call_2"))["code"] == "conflict"


async def test_a_voice_is_passed_on_while_the_call_is_held_and_in_whole_samples() -> None:
    connection = Connection()
    connection.commands.speak(b"\1\2")
    assert connection.services.asked == []
    await connection.ask("take_over", name="Ann")
    connection.commands.speak(b"\1\2\3")
    assert connection.last == ("call_1", ("Ann", b"\1\2"))
    await connection.ask("hand_back")
    connection.commands.speak(b"\1\2")
    assert connection.last == ("call_1", HandBack())


async def test_whoever_says_nothing_for_long_is_not_there_any_more() -> None:
    connection = Connection()
    await connection.ask("take_over", name="Ann")
    for keep_alive in (lambda: connection.commands.speak(b"\0\0"), None):
        connection.now += QUIET_S - 1
        await connection.commands.renew()
        assert connection.last == ("call_1", TakeOver("Ann", 6.0, renews=True))
        if keep_alive is not None:
            keep_alive()
    await connection.ask("stay")
    connection.now += QUIET_S - 1
    await connection.commands.renew()
    told = len(connection.services.asked)
    connection.now += 2
    await connection.commands.renew()
    await connection.commands.renew()
    assert len(connection.services.asked) == told, "the call is handed back when its time is up"


async def test_a_call_that_was_handed_back_by_somebody_else_is_let_go() -> None:
    connection = Connection()
    await connection.ask("take_over", name="Ann")
    connection.services.refuses = True
    connection.now += GRACE_S
    await connection.commands.renew()
    told = len(connection.services.asked)
    await connection.commands.renew()
    connection.commands.speak(b"\0\0")
    assert len(connection.services.asked) == told


async def test_a_renewal_that_is_lost_on_its_way_costs_nobody_the_call() -> None:
    """As while replicas cannot reach each other for a moment: the call waits for longer than that."""
    connection = Connection()
    await connection.ask("take_over", name="Ann")
    connection.services.refuses = True
    connection.now += 2
    await connection.commands.renew()
    connection.services.refuses = False
    connection.now += 2
    await connection.commands.renew()
    assert connection.last == ("call_1", TakeOver("Ann", GRACE_S, renews=True))
    connection.commands.speak(b"\0\0")
    assert connection.last == ("call_1", ("Ann", b"\0\0"))
