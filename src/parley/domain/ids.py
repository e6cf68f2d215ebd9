"""Opaque ids with a prefix per kind, ordered by the moment they were made (UUID version 7, RFC 9562)."""

from __future__ import annotations

from typing import Literal

import uuid_utils

Kind = Literal["proj", "key", "agent", "num", "call", "tr", "wh", "evt", "cred"]


def new_id(kind: Kind) -> str:
    """A fresh id such as `call_0193a5c2…`. Two made in the same process sort in the order they were made."""
    return f"{kind}_{uuid_utils.uuid7().hex}"
