"""What was learnt from calls: of one call, and of an agent over time."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
