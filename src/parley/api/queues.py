"""Queues: where callers wait for an agent."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
