"""Phone numbers as ThreeTone clients import and assign them."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
