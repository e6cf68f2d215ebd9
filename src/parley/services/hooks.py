"""The URLs on this server that carriers call. The carrier edge mounts the same paths."""

from __future__ import annotations

from parley.domain.carriers import CallHooks, NumberHooks


class Hooks:
    """`public_url` is this server's address as the carrier reaches it, without a path."""

    def __init__(self, public_url: str) -> None:
        self._base = public_url.rstrip("/") + "/carriers"

    def number(self, carrier: str, number_id: str) -> NumberHooks:
        root = f"{self._base}/{carrier}/numbers/{number_id}"
        return NumberHooks(voice_url=f"{root}/voice", status_url=f"{root}/status", message_url=f"{root}/message")

    def message(self, carrier: str, message_id: str) -> str:
        """Where the carrier tells what became of a text message."""
        return f"{self._base}/{carrier}/messages/{message_id}/status"

    def call(self, carrier: str, call_id: str) -> CallHooks:
        root = f"{self._base}/{carrier}/calls/{call_id}"
        return CallHooks(answer_url=f"{root}/answer", status_url=f"{root}/status")
