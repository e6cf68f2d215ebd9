"""Alerts: rules, their firings, and what a rule would have done."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
