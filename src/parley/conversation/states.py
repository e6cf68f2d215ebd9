"""The two small machines, caller and agent, as tables, and what one does to the other.

A move that is not in the tables is a bug in this package and raises; a call is never held together by luck.
"""

from __future__ import annotations

from enum import Enum


class Caller(Enum):
    SILENT = "silent"
    TALKING = "talking"
    PAUSED = "paused"  # words are settled, and it is not sure yet that the turn is over
    GONE = "gone"


class Agent(Enum):
    LISTENING = "listening"
    THINKING = "thinking"  # a reply was asked for, nothing of it is audible yet
    SPEAKING = "speaking"
    HELD = "held"  # fell silent for a sound of the caller, keeps what was not heard
    TAKEN_OVER = "taken_over"  # a human speaks in its place; it says only what it is asked to
    HANDING_OVER = "handing_over"  # said its last words before a transfer; has the caller until the carrier does
    LEAVING = "leaving"  # says last words that nothing interrupts; when they were heard the call ends or is handed over
    GONE = "gone"


class Reaction(Enum):
    """What the agent does about the caller."""

    NOTHING = "nothing"
    HOLD = "hold"
    INTERRUPT = "interrupt"
    GATHER = "gather"


_AWAY = (Agent.TAKEN_OVER, Agent.HANDING_OVER, Agent.LEAVING, Agent.GONE)
AGENT_MOVES: dict[Agent, frozenset[Agent]] = {
    Agent.LISTENING: frozenset({Agent.THINKING, Agent.SPEAKING, *_AWAY}),
    Agent.THINKING: frozenset({Agent.LISTENING, Agent.SPEAKING, Agent.HELD, *_AWAY}),
    Agent.SPEAKING: frozenset({Agent.LISTENING, Agent.THINKING, Agent.HELD, *_AWAY}),
    Agent.HELD: frozenset({Agent.LISTENING, Agent.THINKING, Agent.SPEAKING, *_AWAY}),
    Agent.TAKEN_OVER: frozenset({Agent.LISTENING, Agent.LEAVING, Agent.GONE}),
    Agent.HANDING_OVER: frozenset({Agent.LISTENING, Agent.LEAVING, Agent.GONE}),
    Agent.LEAVING: frozenset({Agent.HANDING_OVER, Agent.GONE}),
    Agent.GONE: frozenset(),
}

CALLER_MOVES: dict[Caller, frozenset[Caller]] = {
    Caller.SILENT: frozenset({Caller.TALKING, Caller.PAUSED, Caller.GONE}),
    Caller.TALKING: frozenset({Caller.SILENT, Caller.PAUSED, Caller.GONE}),
    Caller.PAUSED: frozenset({Caller.SILENT, Caller.TALKING, Caller.GONE}),
    Caller.GONE: frozenset(),
}

# A sound of the caller: the agent falls silent at once, reversibly. So it does in a goodbye of its own, which is a line
# like any other until it was heard; only what it says while LEAVING is said to its end.
ON_SOUND: dict[Agent, Reaction] = {
    Agent.LISTENING: Reaction.NOTHING,
    Agent.THINKING: Reaction.HOLD,
    Agent.SPEAKING: Reaction.HOLD,
    Agent.HELD: Reaction.NOTHING,
    Agent.TAKEN_OVER: Reaction.NOTHING,
    Agent.HANDING_OVER: Reaction.NOTHING,
    Agent.LEAVING: Reaction.NOTHING,
    Agent.GONE: Reaction.NOTHING,
}

# Words of the caller: they make an interruption final. Into last words they change nothing, and are written down.
ON_WORDS: dict[Agent, Reaction] = {
    Agent.LISTENING: Reaction.GATHER,
    Agent.THINKING: Reaction.INTERRUPT,
    Agent.SPEAKING: Reaction.INTERRUPT,
    Agent.HELD: Reaction.INTERRUPT,
    Agent.TAKEN_OVER: Reaction.GATHER,
    Agent.HANDING_OVER: Reaction.GATHER,
    Agent.LEAVING: Reaction.GATHER,
    Agent.GONE: Reaction.NOTHING,
}
