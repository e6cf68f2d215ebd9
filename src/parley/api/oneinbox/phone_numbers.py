"""Phone numbers as OneInbox clients search and register them."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
