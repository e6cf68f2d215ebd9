"""All situations, and where their journals are."""

from __future__ import annotations

from pathlib import Path

from tests.recordings.situations import air, endings, failures, interruptions, turns

FOLDER = Path(__file__).parent
SITUATIONS = (*interruptions.SITUATIONS, *turns.SITUATIONS, *endings.SITUATIONS, *failures.SITUATIONS, *air.SITUATIONS)
