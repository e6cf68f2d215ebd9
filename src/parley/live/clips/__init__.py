"""Sentences recorded ahead, so that a caller hears something when no voice can be reached: mu-law, 8 kHz, no header."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from parley.conversation.wishes import Clip


@cache
def load_clip(clip: Clip) -> bytes:
    """The recording of `conversation.lines.CLIP_TEXTS[clip]`, as mu-law bytes at 8 kHz."""
    return (files(__package__) / f"{clip}.ulaw").read_bytes()
