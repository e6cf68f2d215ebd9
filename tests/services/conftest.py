"""The world every service test lives in."""

from __future__ import annotations

import pytest

from parley.storage.cipher import Cipher
from parley.storage.database import Database
from tests.services.world import World


@pytest.fixture
def world(database: Database, cipher: Cipher) -> World:
    return World(database, cipher)


@pytest.fixture
async def mine(world: World) -> str:
    """A project's id."""
    return await world.project("mine")


@pytest.fixture
async def theirs(world: World) -> str:
    """Another project's id."""
    return await world.project("theirs")
