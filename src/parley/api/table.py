"""Everything the API offers: the one table its routes, its documents and its tests are made from."""

from __future__ import annotations

from parley.api import native, oneinbox, threetone
from parley.api.operations import Operation
from parley.schemas.dialects import NATIVE, ONEINBOX, THREETONE, Dialect

TABLE: dict[Dialect, tuple[Operation, ...]] = {
    NATIVE: native.OPERATIONS,
    ONEINBOX: oneinbox.OPERATIONS,
    THREETONE: threetone.OPERATIONS,
}
