"""Opaque ids with a prefix per kind, ordered by the moment they were made (UUID version 7, RFC 9562)."""

from __future__ import annotations

import re
from typing import Literal

import uuid_utils

Kind = Literal[
    "proj", "key", "agent", "num", "call", "tr", "wh", "evt", "cred", "msg", "conv", "sub", "trunk", "diag",
    "queue", "wait", "vm", "ana", "alert", "fire", "prob",
]  # fmt: skip


def new_id(kind: Kind) -> str:
    """A fresh id such as `call_0193a5c2…`. Two made in the same process sort in the order they were made."""
    return f"{kind}_{uuid_utils.uuid7().hex}"


_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,80}")


def is_possible(text: str) -> bool:
    """Whether any row could have this id; what is not need not reach the database."""
    return _SHAPE.fullmatch(text) is not None
