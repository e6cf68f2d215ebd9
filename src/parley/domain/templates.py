"""`{{name}}` in prompts and greetings, filled from a call's variables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_PLACE = re.compile(r"\{\{\s*([\w.-]{1,100})\s*\}\}")


def fill(text: str, variables: Mapping[str, object]) -> str:
    """Put each variable's value in its place; a place without a value becomes empty, so that nobody hears braces.

    What a value contains is never read as a template again.
    """
    return _PLACE.sub(lambda place: _written(variables.get(place.group(1))), text)


def _written(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
