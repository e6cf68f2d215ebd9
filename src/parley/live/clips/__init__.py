"""Sentences recorded ahead, for when no voice can be reached. What they say stands in `conversation.lines.CLIP_TEXTS`.

Made by `python -m tools.record_clips`; 8 kHz mu-law, so most carriers play them without any conversion.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from parley.conversation.wishes import Clip


@cache
def load_clip(name: Clip) -> bytes:
    """The recording as 8 kHz mu-law (`MULAW_8K`), read once."""
    return (Path(__file__).parent / f"{name}.ulaw").read_bytes()
