"""Keys the caller presses: gathered until they are complete, then a turn of their own."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.floor import Floor
from parley.conversation.shared import Shared
from parley.conversation.speech import SpeechSide
from parley.conversation.states import ON_WORDS, Reaction


class KeyPad:
    """Gathers keys. What they interrupt and how their turn is taken is the floor's."""

    def __init__(self, shared: Shared, speech: SpeechSide, floor: Floor) -> None:
        self._caller = shared.caller
        self._tally = shared.tally
        self._rules = shared.rules
        self._deadlines = shared.deadlines
        self._speech = speech
        self._floor = floor
        self._keys = ""

    def key(self, fact: facts.KeyPressed, now: float) -> None:
        if ON_WORDS[self._speech.state] is Reaction.NOTHING:
            return
        self._keys += fact.digit
        if fact.digit == "#":
            self.due(now)
        else:
            self._deadlines.set("keys", now + self._rules.keys_pause_s)

    def due(self, now: float) -> None:
        """What was pressed so far is complete."""
        keys, self._keys = self._keys, ""
        self._deadlines.clear("keys")
        reaction = ON_WORDS[self._speech.state]
        if not keys or reaction is Reaction.NOTHING:
            return
        if reaction is Reaction.INTERRUPT:
            self._floor.interrupt(now)
        self._tally.check_ins = 0
        self._caller.keys(keys, now)
        self._floor.take_due_turn(now)
