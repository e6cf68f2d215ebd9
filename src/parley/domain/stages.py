"""Where a call is while no agent holds it: waiting, leaving a message, hearing an announcement.

A call passes through stages, each held by a session of its own on a media stream of its own. Between two of them the
next one is written down, the stream is closed, and the carrier asks what comes next; it may ask any replica.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Waiting(msgspec.Struct, frozen=True, tag="waiting"):
    """The caller waits for an agent, to music. `offers_callback`: pressing 1 keeps the place without the wait."""

    entry_id: str
    music: str = "default"
    announces_position: bool = True
    announces_wait: bool = False
    offers_callback: bool = False


class TakingMessage(msgspec.Struct, frozen=True, tag="taking_message"):
    """The caller is asked for a message, hears a beep and speaks.

    The message ends with the caller's hanging up, a `#`, `silence_s` without voice, or after `longest_s`.
    """

    voicemail_id: str
    greeting: str = ""
    longest_s: float = 180.0
    silence_s: float = 6.0


class Announcing(msgspec.Struct, frozen=True, tag="announcing"):
    """The caller hears `text`; then the call ends."""

    text: str


class Forwarding(msgspec.Struct, frozen=True, tag="forwarding"):
    """The carrier rings a human's `phone_number`; no stream of ours runs meanwhile.

    `is_answered`: the human did, and speaks with the caller. `returns_to_agent`: the agent handed the caller over, and
    has them again where nobody answers.
    """

    phone_number: str
    is_answered: bool = False
    returns_to_agent: bool = False


Stage = Waiting | TakingMessage | Announcing | Forwarding

StageEnd = Literal["overflowed", "callback_wanted", "message_taken", "announced", "unanswered", "agent_failed", "moved"]
"""How a stage ended while the caller is still there. `unanswered`: the human whose
number was rung did not answer. `agent_failed`: the conversation broke down for good. `moved`: it did not end, but the
process that holds it has to stop; the same stage goes on over a new stream."""
