"""A project's call routing, as it is everywhere."""

from __future__ import annotations

from parley.api.routing import SHARED_OPERATIONS

OPERATIONS = SHARED_OPERATIONS
