"""An end-of-turn model of the operator's own, from its setting to the calls' parts."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from parley.domain.errors import ConfigurationError
from parley.live.providers import Providers
from parley.providers.guard import GuardedDialer, TargetRules
from parley.providers.outbound import OutboundHttp
from parley.settings import load_settings
from parley.wiring import adapters
from tests.providers.turn_models.tiny_onnx import tiny_model


async def providers(environment: dict[str, str]) -> Providers:
    async with AsyncExitStack() as stack:
        settings = load_settings(None, **environment)
        http = OutboundHttp(GuardedDialer(TargetRules()))
        stack.push_async_callback(http.aclose)
        return adapters.providers(settings, http, stack, lambda plan, delivery: None)


async def test_a_server_has_the_model_it_is_given_and_else_none(tmp_path: Path) -> None:
    path = tmp_path / "turn.onnx"
    path.write_bytes(tiny_model())
    assert (await providers({"PARLEY_TURN_MODEL": str(path)})).turn_model is not None
    assert (await providers({})).turn_model is None


async def test_a_server_does_not_start_without_the_model_it_was_given(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PARLEY_TURN_MODEL"):
        await providers({"PARLEY_TURN_MODEL": str(tmp_path / "none.onnx")})
