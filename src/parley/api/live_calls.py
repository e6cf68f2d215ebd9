"""Calls as they happen: watched, listened to, steered."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
