"""What the OneInbox dialect offers."""

from __future__ import annotations

from parley.api import credentials
from parley.api.oneinbox import calls, phone_numbers
from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *credentials.OPERATIONS,
    *phone_numbers.OPERATIONS,
    *calls.OPERATIONS,
)
