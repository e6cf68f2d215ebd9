"""The benchmark runs: one call, all of its figures, nothing lost."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

_LIMIT_S = 300


async def test_one_call_gives_a_row_with_every_figure(tmp_path: Path) -> None:
    options = (
        "--only",
        "load",
        "--calls",
        "1",
        "--ahead",
        "on",
        "--seconds",
        "10",
        "--warm-up",
        "0",
        "--json",
        str(tmp_path / "figures.json"),
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench", *options),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(_LIMIT_S):
        output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    (step,) = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["load"]
    assert (step["calls"], step["failed"], step["lost_words"]) == (1, 0, 0)
    assert step["replies"] >= 1
    assert step["thinks_ahead"] is True
    assert step["overhead_p50_ms"] < 0  # the answer was there before the delays that it is measured against
    for figure in ("cpu_s_per_call_min", "loop_lag_p95_ms", "load_lag_p95_ms"):
        assert step[figure] > 0
    assert "overhead ms" in output
