"""What was delivered to customers: listed, counted, sent again."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
