"""How an agent behaves in a conversation, on the wire. `docs/conversation.md` says what each setting does to a call."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from parley.schemas.base import Wire, between, problem
from parley.schemas.fields import matching

MOST_PHRASES = 100
MOST_FILLERS = 20

_NOT_BLANK = matching(r"\S", "must not be blank")
Phrase = Annotated[str, Field(max_length=60), _NOT_BLANK]
Filler = Annotated[str, Field(max_length=200), _NOT_BLANK]


class EndOfTurn(Wire):
    """How long a pause of the caller is before it ends their turn: never less than `min_pause_ms`, whatever the words
    say, and never more than `max_pause_ms`, however unfinished they sound."""

    min_pause_ms: Annotated[int, between(0, 3000)] = 0
    max_pause_ms: Annotated[int, between(300, 10_000)] = 3000

    @model_validator(mode="after")
    def _refuse_crossed(self) -> EndOfTurn:
        if self.min_pause_ms > self.max_pause_ms:
            raise problem("min_pause_ms", f"must not be longer than the longest pause, which is {self.max_pause_ms}")
        return self


class KeysPressed(Wire):
    """When keys that the caller presses are complete: at the `terminator` (empty: none), at `count` of them (0: no
    count), or when none follows for `pause_ms`. `hidden` keys are told to your webhook alone: no model, transcript or
    log shows them."""

    terminator: Annotated[str, Field(max_length=1), matching(r"^[0-9*#]?$", "must be one key, or empty")] = "#"
    count: Annotated[int, between(0, 32)] = 0
    pause_ms: Annotated[int, between(300, 10_000)] = 1500
    hidden: bool = False


class ConductSettings(Wire):
    """The settings as they are sent; null, or never sent, is the default."""

    interruption_sensitivity: Annotated[float, between(0.0, 1.0)] | None = Field(
        None,
        description="How easily the caller interrupts the agent, 0 to 1. 0: nothing does. 1: every word does, also"
        " `mm-hm`. Default 0.8.",
    )
    protect_greeting: bool | None = Field(None, description="Whether the greeting is said to its end. Default false.")
    backchannels: Annotated[list[Phrase], Field(max_length=MOST_PHRASES)] | None = Field(
        None,
        description="What the caller may say while the agent speaks without interrupting it, in place of the list of"
        " its language. `[]`: nothing.",
        examples=[["mm-hm", "right", "go on"]],
    )
    enable_backchannel: bool | None = Field(
        None, description="Whether the agent murmurs `mm-hm` at the pauses of a long story. Default true."
    )
    fillers: Annotated[list[Filler], Field(max_length=MOST_FILLERS)] | None = Field(
        None,
        description="What the agent says when its answer is late, in place of the list of its language; never the same"
        " one twice in a row. `[]`: nothing.",
        examples=[["One moment, please.", "Let me look."]],
    )
    preemptive_replies: bool | None = Field(
        None,
        description="Whether the chat model is asked as soon as the caller has probably finished, and its answer"
        " dropped unheard if not. Default true. Of hosted agents; webhooks opt in by their own `speculative`.",
    )
    end_of_turn: EndOfTurn | None = None
    monologue_seconds: Annotated[int, between(0, 3600)] | None = Field(
        None,
        description="A caller who has talked for so long without letting the agent answer is asked to. 0: never."
        " Default 180.",
    )
    silence_check_in_seconds: Annotated[int, between(3, 600)] | None = Field(
        None, description="A caller who says nothing for so long is asked whether they are there. Default 15."
    )
    dtmf: KeysPressed | None = None


class ConductOut(Wire):
    """The settings as they are read, with the defaults of those that nobody set. Null lists are those of the agent's
    language."""

    interruption_sensitivity: float = 0.8
    protect_greeting: bool = False
    backchannels: list[str] | None = None
    enable_backchannel: bool = True
    fillers: list[str] | None = None
    preemptive_replies: bool = True
    end_of_turn: EndOfTurn = Field(default_factory=EndOfTurn)
    monologue_seconds: int = 180
    silence_check_in_seconds: int = 15
    dtmf: KeysPressed = Field(default_factory=KeysPressed)
