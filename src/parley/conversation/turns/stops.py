"""How soon the agent fell silent for the caller, and what the caller's sound turned out to be."""

from __future__ import annotations

from parley.conversation.wishes import AnyWish, InterruptionOutcome, NoteInterruption


class Stops:
    """Measures one stop at a time; it is told of when it was decided. Wishes go to `out`.

    A stop is measured from the first sound of the caller that the agent could have heard while it spoke. Where nobody
    heard a sound, only words, there is nothing to measure from, and nothing is told.
    """

    def __init__(self, out: list[AnyWish]) -> None:
        self._out = out
        self._sound_at: float | None = None
        self._open: tuple[float, float] | None = None

    def sound_began(self, at: float) -> None:
        """The caller began to make sound at that moment of the call."""
        self._sound_at = at

    def is_since(self, moment: float | None) -> bool:
        """Whether a sound began after that moment."""
        return self._sound_at is not None and (moment is None or self._sound_at > moment)

    def fell_silent(self, now: float, spoke_since: float | None, *, is_sounding: bool) -> None:
        """The agent, audible since `spoke_since`, is told to be silent; None: nobody heard it, and nothing stops."""
        self._open = None
        if spoke_since is None or self._sound_at is None or not (is_sounding or self._sound_at >= spoke_since):
            return
        self._open = (now, max(now - max(self._sound_at, spoke_since), 0.0))

    def fell_silent_at_once(self, now: float) -> None:
        """The agent, which was heard, is told to be silent for a key: that has no beginning to wait for the end of."""
        self._open = (now, 0.0)

    def decide(self, outcome: InterruptionOutcome, cause: str) -> None:
        """Tell of the open stop, if there is one."""
        if self._open is not None:
            at, took_s = self._open
            self._out.append(NoteInterruption(round(at, 3), round(took_s * 1000, 1), outcome, cause))
        self._open = None

    def forget(self) -> None:
        """Something else than the caller decided."""
        self._open = None
