"""Checks a customer may ask for: health, a test call, the network."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
