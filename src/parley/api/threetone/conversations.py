"""Conversations held by phone, with their metrics, transcript and audio."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
