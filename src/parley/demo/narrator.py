"""Tells on the screen how the call goes, from what parley itself has on record."""

from __future__ import annotations

import asyncio

from parley.demo.screen import Screen
from parley.demo.stage import Json, Stage
from parley.simulation.timeline import Said, Timeline

# What was heard is on record within half a second; an answer that still looks cut then was cut.
_LOOKS = 10
_LOOK_EVERY_S = 0.05

_STEPS = (
    ("recognisedMs", "words recognised"),
    ("firstTextMs", "first text of the answer"),
    ("heardMs", "heard"),
)


class Narrator:
    """A witness of the script. Every row of the transcript is told once, when its agent's part is known.

    `ear` is the phone's; it says when somebody began to speak, counted from `began_at` on the same clock.
    """

    def __init__(self, screen: Screen, stage: Stage, ear: Timeline, began_at: float) -> None:
        self._screen = screen
        self._stage = stage
        self._ear = ear
        self._began_at = began_at
        self._told = 0

    def caller_spoke(self, said: Said) -> None:
        self._screen.spoken(said.began_at - self._began_at, "caller", said.text)

    async def agent_spoke(self) -> None:
        """Tell what the agent was heard to say since the last time; the record follows the audio by a moment."""
        began_at = self._ear.heard[-1].started_at
        rows = await self._new_rows()
        for _ in range(_LOOKS):
            if rows and not rows[-1]["wasCut"]:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
            rows = await self._new_rows()
        for row in rows:
            self._told += 1
            self._screen.spoken(
                began_at - self._began_at, "agent", (heard_of_agent(row) or "") + (" —" if row["wasCut"] else "")
            )
            self._note(row)

    async def _new_rows(self) -> list[Json]:
        call = await self._stage.newest_call()
        rows: list[Json] = call["transcripts"] if call else []
        return [row for row in rows[self._told :] if heard_of_agent(row) is not None]

    def _note(self, row: Json) -> None:
        steps = [f"{name} {row['latencies'][key]:.0f} ms" for key, name in _STEPS if row["latencies"][key] is not None]
        if steps:
            self._screen.note("after the caller's last word: " + ", ".join(steps))
        if row["wasCut"]:
            self._screen.note("interrupted: only this was heard, and only this the agent will remember")


def heard_of_agent(row: Json) -> str | None:
    """What the caller heard of the agent in a row of the transcript; None while there is nothing."""
    words: str | None = row["transcript"] if row["speaker"] == "agent" else row["response"]
    return words or None
