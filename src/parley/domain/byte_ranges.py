"""The `Range` header (RFC 9110, section 14.2): one range of bytes, or nothing we serve, which means the whole."""

from __future__ import annotations

import re

from parley.domain.errors import RangeNotSatisfiable

_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def asked_range(header: str, size: int) -> tuple[int, int] | None:
    """First byte and the byte after the last, of a file of `size` bytes; None for all of it.

    Several ranges, other units and what makes no sense are ignored, as the RFC allows. Raises RangeNotSatisfiable for
    one that begins behind the end.
    """
    wanted = _ONE_RANGE.fullmatch(header.replace(" ", ""))
    if wanted is None or not any(wanted.groups()):
        return None
    first, last = wanted.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise RangeNotSatisfiable(f"The file has {size} bytes; ask for a range that begins before its end.", size)
    return start, end
