"""Stand-ins for a voice and a recogniser that this server does not have: they fail at once, and for good.

An agent cannot do without; a caller who waits, or leaves a message, still can.
"""

from __future__ import annotations

from collections.abc import Callable

from parley.conversation.facts import Part, PartFailed

_REASON = "unknown_provider"


class _Absent:
    def __init__(self, part: Part, emit: Callable[[PartFailed], None]) -> None:
        self._part = part
        self._emit = emit

    async def run(self) -> None:
        self._emit(PartFailed(self._part, _REASON))

    def close(self) -> None: ...


class NoVoice(_Absent):
    """A `Voice` that says nothing."""

    def __init__(self, emit: Callable[[PartFailed], None]) -> None:
        super().__init__("text_to_speech", emit)

    def say(self, utterance: int, text: str) -> None: ...

    def finish(self, utterance: int) -> None: ...

    def cancel(self, utterance: int) -> None: ...

    def retry(self, utterance: int) -> None: ...


class NoHearing(_Absent):
    """A `Hearing` that understands nothing."""

    def __init__(self, emit: Callable[[PartFailed], None]) -> None:
        super().__init__("speech_to_text", emit)

    settled = 0
    answered_at = float("-inf")

    def hear(self, audio: bytes) -> None: ...
