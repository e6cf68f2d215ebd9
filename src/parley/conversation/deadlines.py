"""All of a conversation's deadlines in one place, so that timers cannot race each other."""

from __future__ import annotations


class Deadlines:
    """Named moments, in seconds of call time. Setting a name again moves it."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def set(self, name: str, at: float) -> None:
        self._at[name] = at

    def clear(self, *names: str) -> None:
        for name in names:
            self._at.pop(name, None)

    def clear_all(self) -> None:
        self._at.clear()

    def __contains__(self, name: str) -> bool:
        return name in self._at

    def next(self) -> float | None:
        """The earliest moment, or None."""
        return min(self._at.values()) if self._at else None

    def all(self) -> dict[str, float]:
        """Every name with its moment."""
        return dict(self._at)

    def pop_due(self, now: float) -> str | None:
        """Remove and return the earliest name whose moment has come; of one moment, the name first set."""
        due = [(at, name) for name, at in self._at.items() if at <= now]
        if not due:
            return None
        name = min(due, key=lambda pair: pair[0])[1]
        del self._at[name]
        return name
