"""What a recogniser makes of the agent's audio, as the phone plays it."""

from __future__ import annotations

import asyncio
from typing import Final

from parley.audio.formats import MULAW_8K
from parley.conversation.facts import PartFailed, PartRestored, WordsHeard
from parley.domain.calls import CallPlan
from parley.domain.errors import ParleyError
from parley.live.providers import Providers
from parley.providers.protocols import Hearing, HearingFact
from parley.simulation.playout import FRAME_BYTES
from parley.simulation.timeline import Timeline

SETTLE_S: Final = 2.0
"""How long the recogniser may take for the last words, once the agent is silent."""
_STEP_S: Final = 0.05


class Ear:
    """Ticks beside the handset: every 20 ms, what was played meanwhile or silence goes to the recogniser.

    `words` are the settled texts, in order; `why` says why there is none where there could be some.
    """

    def __init__(self, providers: Providers, plan: CallPlan, timeline: Timeline) -> None:
        self.words: list[str] = []
        self.why = ""
        self._timeline = timeline
        self._read = (0, 0)
        self._open = ""
        self._hearing: Hearing | None = None
        try:
            recogniser = providers.recogniser(plan)
            self._hearing = recogniser.listen(plan.agent.listen, MULAW_8K, plan.listen_key, self._take)
        except ParleyError as refused:
            self.why = refused.message

    async def run(self) -> None:
        """Hold the recogniser's connection until `close`."""
        if self._hearing is not None:
            await self._hearing.run()

    def tick(self, due: float) -> None:
        if self._hearing is not None:
            played = self._played()
            self._hearing.hear(played or MULAW_8K.silence_byte * FRAME_BYTES)

    async def settled(self) -> None:
        """Return when no word is open any more, or nobody will settle it."""
        for _ in range(round(SETTLE_S / _STEP_S)):
            if not self._open or self.why:
                break
            await asyncio.sleep(_STEP_S)
        if self._open:
            self.words.append(self._open)
            self._open = ""

    def close(self) -> None:
        if self._hearing is not None:
            self._hearing.close()

    def _played(self) -> bytes:
        index, offset = self._read
        fresh = bytearray()
        heard = self._timeline.heard
        while index < len(heard):
            fresh += heard[index].audio[offset:]
            offset = len(heard[index].audio)
            if index + 1 == len(heard):
                break
            index, offset = index + 1, 0
        self._read = (index, offset)
        return bytes(fresh)

    def _take(self, fact: HearingFact) -> None:
        if isinstance(fact, WordsHeard):
            self._open = "" if fact.is_final else fact.text
            if fact.is_final and fact.text:
                self.words.append(fact.text)
        elif isinstance(fact, PartFailed):
            self.why = f"the recogniser gave up ({fact.reason})"
        elif isinstance(fact, PartRestored):
            self.why = ""
