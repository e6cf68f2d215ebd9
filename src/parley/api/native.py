"""What the native dialect offers: the one table its routes, its document and its tests are made from."""

from __future__ import annotations

from parley.api import agents, calls, credentials, numbers, webhooks
from parley.api.operations import Operation
from parley.schemas.dialects import NATIVE, Dialect

OPERATIONS: tuple[Operation, ...] = (
    *agents.OPERATIONS,
    *numbers.OPERATIONS,
    *calls.OPERATIONS,
    *webhooks.OPERATIONS,
    *credentials.OPERATIONS,
)
TABLE: dict[Dialect, tuple[Operation, ...]] = {NATIVE: OPERATIONS}
