"""One world a test: journeys break things, and nobody else's call should notice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journeys.world import World, whole_world


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with whole_world(database_url, tmp_path) as world:
        yield world
