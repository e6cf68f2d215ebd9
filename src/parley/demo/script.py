"""What the simulated caller says and when: it listens, asks, interrupts, leaves a message and says goodbye."""

from __future__ import annotations

from typing import Protocol

from parley.simulation.phone import SimulatedPhone
from parley.simulation.timeline import Said

ASKS = "Hello, when are you open?"
INTERRUPTS = "Thank you, that is enough. May I leave a message?"
LEAVES_MESSAGE = "Please call Maria back about the garden chairs."
SAYS_GOODBYE = "No, that is all. Goodbye!"
LINES = (ASKS, INTERRUPTS, LEAVES_MESSAGE, SAYS_GOODBYE)

_LISTENS_BEFORE_INTERRUPTING_S = 3.2
_THINKS_S = 0.4


class Witness(Protocol):
    """Who is told how the call goes."""

    async def agent_spoke(self) -> None:
        """The agent has just fallen silent, by itself or because the caller interrupted."""
        ...

    def caller_spoke(self, said: Said) -> None: ...


async def converse(phone: SimulatedPhone, witness: Witness) -> str:
    """Speak every line at its moment, until the agent has hung up. Returns how the call ended, in the carrier's words.

    Raises TimeoutError when the agent leaves the caller waiting, and Conflict when the call ends before the script.
    """
    await _hear_out(phone, witness)
    await _say(phone, ASKS, witness)
    await phone.wait_until_agent_speaks()
    await phone.pause(_LISTENS_BEFORE_INTERRUPTING_S)
    said = await phone.say(INTERRUPTS)
    await witness.agent_spoke()
    witness.caller_spoke(said)
    await _hear_out(phone, witness)
    await _say(phone, LEAVES_MESSAGE, witness)
    await _hear_out(phone, witness)
    await _say(phone, SAYS_GOODBYE, witness)
    ending = await phone.wait_until_over()
    await witness.agent_spoke()
    return ending


async def _hear_out(phone: SimulatedPhone, witness: Witness) -> None:
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await witness.agent_spoke()
    await phone.pause(_THINKS_S)


async def _say(phone: SimulatedPhone, line: str, witness: Witness) -> None:
    witness.caller_spoke(await phone.say(line))
