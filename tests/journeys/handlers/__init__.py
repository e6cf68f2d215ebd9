"""Customers' webhook servers in the three shapes their documents teach, each on a real server of its framework's kind.

All are asked the same and keep `events`, what they were sent. To a voice event of any kind they stream a filler line at
once and the answer when it no longer `is_thinking`; to everything else they answer 200 without a thought.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

FILLER = "Let me have a look."

Event = dict[str, Any]


class Handler(Protocol):
    """A running handler."""

    events: list[Event]
    is_thinking: bool

    @property
    def url(self) -> str: ...


Started = AbstractAsyncContextManager[Handler]


def answer_to(event: Event) -> str:
    """What a customer's own code would find out: it reads the words and the history as the documents print them."""
    heard = event["data"].get("transcript", "")
    lines = [
        f"{'Customer' if line['direction'] == 'inbound' else 'Agent'} {line['content']}" for line in _history(event)
    ]
    return f"You said {heard} after {len(lines)} lines."


def _history(event: Event) -> list[dict[str, str]]:
    history: list[dict[str, str]] = event.get("recentHistory", [])
    return history
