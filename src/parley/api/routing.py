"""Who answers which call: set, and explained."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
