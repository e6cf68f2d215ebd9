"""A value that may be used but never shown."""

from __future__ import annotations


class Secret:
    """Holds a credential so that printing, logging, formatting or comparing it shows nothing.

    `reveal()` is the only way out, so every use can be found by name. `hint` is the last four characters for display.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def hint(self) -> str:
        """`…last4`, or `…` alone when the value is too short for four characters to be harmless."""
        return f"…{self._value[-4:]}" if len(self._value) >= 12 else "…"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(…)"
