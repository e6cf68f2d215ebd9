"""What a stage of the front desk wants done, beside the wishes every call knows."""

from __future__ import annotations

from parley.conversation.wishes import AnyWish, Wish
from parley.domain.stages import StageEnd


class PlayMusic(Wish, frozen=True):
    """Music from here on, wherever nothing is said; speech silences it and this wish brings it back."""


class Beep(Wish, frozen=True):
    """Sound the tone after which a message is taken; `reply` numbers it like any speech."""

    reply: int


class BeginTake(Wish, frozen=True):
    """Keep what the caller says from here on, and let the recogniser hear it."""


class EndTake(Wish, frozen=True):
    """Keep no more. The last `drop_s` seconds that were kept are silence, or the tone of a key, and go."""

    drop_s: float


class KeepMessage(Wish, frozen=True):
    """Store what was taken. `was_empty`: no voice and no word was in it. `transcript` is empty where none is known."""

    transcript: str
    confidence: float
    was_empty: bool


class AskNext(Wish, frozen=True):
    """Have what comes after `end` decided and written down; answered by NextWritten or NextUnwritten."""

    end: StageEnd


class Leave(Wish, frozen=True):
    """Close the stream and end nothing: the carrier asks what comes next."""


DeskWish = AnyWish | PlayMusic | Beep | BeginTake | EndTake | KeepMessage | AskNext | Leave
