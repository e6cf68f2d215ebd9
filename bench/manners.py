"""Does the agent behave? What callers do that is no interruption, and how soon the greeting can be heard.

Every caller asks, and in the middle of the answer coughs, murmurs, or lets the agent hear its own words again. The
agent should go on, and each word of the answer be heard, whole and once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import percentile
from bench.load import ANSWER, GREETING, NUMBER, QUESTION, World
from parley.domain.errors import ParleyError
from parley.simulation.noises import cough, mumble
from parley.simulation.phone import SimulatedPhone

# In the middle of the answer, so that there is something left to go on with.
_AFTER_S = 1.4
_CASES: dict[str, str | bytes] = {
    "cough": cough(),
    "long cough": cough(420.0),
    "mumble": mumble("hmm mmh"),
    "mm-hm": "mm-hm",
    "right": "right",
    "yeah okay": "yeah okay",
    "echo": " ".join(ANSWER.split()[2:7]),
}


@dataclass
class Manners:
    """How often each case came, how often the agent went on, and with every word; greetings in milliseconds."""

    tried: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_CASES, 0))
    resumed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_CASES, 0))
    whole: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_CASES, 0))
    greetings_ms: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def resumed_percent(self) -> float | None:
        tried = sum(self.tried.values())
        return 100 * sum(self.resumed.values()) / tried if tried else None

    def lines(self) -> Sequence[str]:
        """The figures as they are printed."""
        found = ["no interruption      tried  went on  every word once"]
        for case, tried in self.tried.items():
            found.append(f"  {case:18} {tried:5}  {self.resumed[case]:7}  {self.whole[case]:15}")
        share = self.resumed_percent
        found.append(f"  went on in {share:.1f} % of all" if share is not None else "  nothing was measured")
        first, late = percentile(self.greetings_ms, 0.5), percentile(self.greetings_ms, 0.95)
        if first is not None and late is not None:
            found.append(f"first greeting audio after the stream started: p50 {first:.0f} ms, p95 {late:.0f} ms")
        if self.failed:
            found.append(f"calls that failed: {self.failed}")
        return found

    def as_json(self) -> dict[str, object]:
        return {
            "resumed_percent": self.resumed_percent,
            "tried": self.tried,
            "resumed": self.resumed,
            "every_word_once": self.whole,
            "greeting_p50_ms": percentile(self.greetings_ms, 0.5),
            "greeting_p95_ms": percentile(self.greetings_ms, 0.95),
        }


async def measure_manners(here: World, calls: int, apart_s: float = 0.15) -> Manners:
    """`calls` callers at once, each of whom tries every case."""
    manners = Manners()
    async with asyncio.TaskGroup() as tasks:
        for number in range(calls):
            tasks.create_task(_call(here, manners, number))
            await asyncio.sleep(apart_s)
    return manners


async def _call(here: World, manners: Manners, number: int) -> None:
    phone = here.callers.carrier.phone(f"+1415557{number:04d}")
    try:
        await here.callers.carrier.call_in(phone, NUMBER)
        await _heard_out(phone)
        if (waited_ms := phone.timeline.greeting_ms) is not None and phone.heard[0].words == GREETING.split():
            manners.greetings_ms.append(waited_ms)
        cases = list(_CASES)
        for case in cases[number % len(cases) :] + cases[: number % len(cases)]:
            await _try(phone, manners, case)
        await phone.hang_up()
    except (ParleyError, TimeoutError, OSError):
        manners.failed += 1
        if phone.is_busy:
            await phone.hang_up()


async def _try(phone: SimulatedPhone, manners: Manners, case: str) -> None:
    await phone.say(QUESTION)
    await phone.wait_until_agent_speaks()
    before = len(phone.heard) - 1
    await phone.pause(_AFTER_S)
    await phone.say(_CASES[case])
    await _heard_out(phone)
    words = [word for stretch in phone.heard[before:] for word in stretch.words]
    manners.tried[case] += 1
    manners.resumed[case] += words[-1:] == ANSWER.split()[-1:]
    manners.whole[case] += words == ANSWER.split()


async def _heard_out(phone: SimulatedPhone) -> None:
    """Longer than the agent may stay silent to find out whether it was interrupted."""
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent(for_ms=1900)
