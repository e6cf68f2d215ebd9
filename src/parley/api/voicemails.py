"""Voicemail: the messages callers left."""

from __future__ import annotations

from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = ()
