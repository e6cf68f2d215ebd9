"""Answers that belong to no noun."""

from __future__ import annotations

from parley.schemas.base import Wire


class Success(Wire):
    """It was done, and there is nothing more to show."""

    success: bool = True
