"""Keys the caller presses: gathered until they are complete, then part of the caller's turn. And those the agent does.

Hidden keys are in no word that this package lets out: only AskReply carries them, and only to the customer's own
server.
"""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answering.speech import Active, SpeechSide
from parley.conversation.floor import Floor
from parley.conversation.shared import Shared
from parley.conversation.states import Reaction

MOST_KEYS = 64
"""So many end an entry by themselves: nobody presses more, and a stuck key presses them for ever."""


class KeyPad:
    """Gathers keys. What they interrupt and how their turn is taken is the floor's."""

    def __init__(self, shared: Shared, speech: SpeechSide, floor: Floor) -> None:
        self._agent = shared.agent
        self._entry = shared.agent.conduct.keys
        self._caller = shared.caller
        self._tally = shared.tally
        self._deadlines = shared.deadlines
        self._speech = speech
        self._floor = floor
        self._keys = ""

    def key(self, fact: facts.KeyPressed, now: float) -> None:
        """The first key of an entry silences the agent; the one that completes it ends it."""
        if not self._keys:
            self._interrupt(now)
        self._keys += fact.digit
        self._tally.is_keying = True
        most = self._entry.count or MOST_KEYS
        if fact.digit == self._entry.terminator or len(self._keys) >= most:
            self.due(now)
        else:
            self._deadlines.set("keys", now + self._entry.pause_s)

    def due(self, now: float) -> None:
        """What was pressed so far is complete."""
        keys, self._keys = self._keys, ""
        self._deadlines.clear("keys")
        self._tally.is_keying = False
        if not keys:
            return
        if len(keys) > 1:  # alone, the terminator is what was meant
            keys = keys.removesuffix(self._entry.terminator) if self._entry.terminator else keys
        self._interrupt(now)
        self._hand_over(keys, now)
        self._floor.take_due_turn(now)

    def settle(self, now: float) -> None:
        """All that was pressed belongs to the caller's words now, complete or not."""
        if self._keys:
            self._hand_over(self._keys, now)
        self._keys, self._tally.is_keying = "", False

    def _hand_over(self, keys: str, now: float) -> None:
        self._tally.check_ins = 0
        self._caller.keys(self._shown(keys), now)
        self._tally.digits += self._told(keys)

    def keep_from_leaving(self, active: Active, now: float) -> bool:
        """Whether the call, whose last line is over, goes on until the keys that the line wanted were pressed.

        Keys that more was said behind were: speech waits for them as they wait for speech.
        """
        pressed = active.pressed
        if active.leave is None or pressed is None or len(active.line.text.rstrip()) > pressed.chars:
            return False
        active.pressed = None
        until = pressed.for_s + (now if pressed.chars else pressed.at)
        if until <= now:
            return False
        self._speech.keep(active)
        self._speech.protect_goodbye(now)
        self._deadlines.set("goodbye", until)
        return True

    def _interrupt(self, now: float) -> None:
        if self._floor.on_words is Reaction.INTERRUPT:
            self._floor.interrupt(now, "keys")

    def _shown(self, keys: str) -> str:
        if not self._entry.is_hidden:
            return keys
        return f"{len(keys)} hidden key{'s' if len(keys) > 1 else ''}"

    def _told(self, keys: str) -> str:
        """What whoever answers is told besides the words. Nobody but the customer's server may know hidden keys."""
        return "" if self._entry.is_hidden and self._agent.voice_mode == "hosted" else keys
