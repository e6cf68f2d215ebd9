"""`make bench`: how many calls one server process on one core holds, and what a reply, a cut and a call cost.

    python -m bench [--calls 1,10,20,40,80] [--ahead off,on] [--seconds 35] [--warm-up 10] [--json FILE]
    python -m bench --only manners      whether the agent behaves, and how soon it greets
    python -m bench --only hanging      how long a caller hears nothing while providers hang

Each number of calls is held with an agent that waits for the end of a turn (`off`), and with one that asks for its
answer as soon as the caller has probably finished (`on`): then it is ready earlier than a provider's delays add up to,
and what parley adds is below zero.

The server is pinned to one core; everything else (carrier, phones, emulated providers, database) to the others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import uvloop

from bench import hanging
from bench.figures import histogram_percentile, percentile
from bench.load import (
    EMULATED_MS,
    ENDPOINTING_MS,
    FIRST_AUDIO_MS,
    FIRST_TOKEN_MS,
    NUMBER,
    NUMBER_AHEAD,
    World,
    world,
)
from bench.manners import Manners, measure_manners
from bench.report import StepFigures, header, row
from bench.server import split_cores
from parley import logs

_RAMP_S = 0.08
_SETTLE_S = 2.0
_POLITE_CALLS = 20


async def measure(here: World, calls: int, duration_s: float, baseline_mb: float, *, thinks_ahead: bool) -> StepFigures:
    """Hold `calls` calls at once and reckon what they cost. `baseline_mb`: the server's memory when it was idle."""
    server, clock = here.server, asyncio.get_running_loop().time
    lag_before, cpu_before, starved_before, began = await server.loop_lag(), server.cpu_s(), server.starved_s(), clock()
    number = NUMBER_AHEAD if thinks_ahead else NUMBER
    outcome = await here.callers.run(calls, duration_s, _RAMP_S, server, number)
    cpu_s, starved_after, took_s = server.cpu_s() - cpu_before, server.starved_s(), clock() - began
    lag_after = await server.loop_lag()

    def lag_ms(share: float) -> float | None:
        value = histogram_percentile(lag_before, lag_after, share)
        return None if value is None else value * 1000

    starved = None
    if starved_before is not None and starved_after is not None:
        starved = (starved_after - starved_before) / took_s * 100
    overheads, barge_ins, own_lags = outcome.overheads_ms, outcome.barge_ins_ms, outcome.load_lags_ms
    return StepFigures(
        calls=calls,
        thinks_ahead=thinks_ahead,
        failed=outcome.failed,
        replies=len(overheads),
        overhead_p50_ms=percentile(overheads, 0.5),
        overhead_p95_ms=percentile(overheads, 0.95),
        barge_ins=len(barge_ins),
        barge_in_p50_ms=percentile(barge_ins, 0.5),
        barge_in_p95_ms=percentile(barge_ins, 0.95),
        missing_ms_per_spoken_min=outcome.missing_ms_per_spoken_min,
        lost_words=outcome.lost_words,
        cpu_s_per_call_min=cpu_s / outcome.call_minutes,
        memory_mb_per_call=max(0.0, outcome.peak_rss_mb - baseline_mb) / calls,
        loop_lag_p95_ms=lag_ms(0.95),
        loop_lag_p99_ms=lag_ms(0.99),
        starved_percent=starved,
        load_lag_p95_ms=percentile(own_lags, 0.95),
        load_lag_p99_ms=percentile(own_lags, 0.99),
    )


async def bench(
    steps: Sequence[int], ahead: Sequence[bool], duration_s: float, warm_up_s: float, polite_calls: int
) -> tuple[list[StepFigures], Manners | None]:
    """Run every step against one server, then `polite_calls` who do not mean to interrupt; print what is known."""
    cores = split_cores()
    if cores is not None:
        os.sched_setaffinity(0, cores[1])
    _explain(cores, duration_s)
    results = []
    manners = None
    with tempfile.TemporaryDirectory(prefix="parley-bench-", ignore_cleanup_errors=True) as folder:
        async with world(Path(folder), cores[0] if cores else None) as here:
            if warm_up_s:
                await here.callers.run(2, warm_up_s, _RAMP_S, here.server)
                await asyncio.sleep(_SETTLE_S)
            baseline_mb = here.server.rss_mb()
            if steps:
                print(f"\n{header()}", flush=True)
            for calls, thinks_ahead in product(steps, ahead):
                results.append(await measure(here, calls, duration_s, baseline_mb, thinks_ahead=thinks_ahead))
                print(row(results[-1]), flush=True)
                await asyncio.sleep(_SETTLE_S)
            if polite_calls:
                manners = await measure_manners(here, polite_calls)
                print("", *manners.lines(), sep="\n", flush=True)
    return results, manners


def _explain(cores: tuple[list[int], list[int]] | None, duration_s: float) -> None:
    where = f"server on core {cores[0][0]}, the rest on {cores[1]}" if cores else "nothing is pinned on this machine"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; {where}; calls of {duration_s:.0f} s.")
    print(
        f"Emulated providers: end of turn after {ENDPOINTING_MS:.0f} ms, first token {FIRST_TOKEN_MS:.0f} ms, first "
        f"audio {FIRST_AUDIO_MS:.0f} ms. overhead = end of the caller's speech to first agent audio at the phone, less "
        f"these {EMULATED_MS:.0f} ms."
    )
    print("Where the server was starved of its core, or the load's own lag is not far below a figure, measure again.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure whole calls against one server process.")
    parser.add_argument("--calls", default="1,10,20,40,80", help="numbers of calls at once, separated by commas")
    parser.add_argument("--ahead", default="off,on", choices=("off", "on", "off,on"), help="which agents answer")
    parser.add_argument("--seconds", type=float, default=35.0, help="how long each call lasts")
    parser.add_argument("--warm-up", type=float, default=10.0, help="how long two calls go before that; 0: none")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", choices=("load", "manners", "hanging"), help="one part of it; else all three")
    options = parser.parse_args()
    logs.configure("error", "console")
    if options.only == "hanging":
        return hanging.run()
    steps = [] if options.only == "manners" else [int(text) for text in options.calls.split(",")]
    ahead = [text == "on" for text in options.ahead.split(",")]
    polite_calls = 0 if options.only == "load" else _POLITE_CALLS
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results, manners = runner.run(bench(steps, ahead, options.seconds, options.warm_up, polite_calls))
    if options.json:
        figures = {"load": [each.as_json() for each in results], "manners": manners and manners.as_json()}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    failed = any(each.failed for each in results) or (manners is not None and manners.failed > 0)
    return 1 if failed or (options.only is None and hanging.run()) else 0


if __name__ == "__main__":
    sys.exit(main())
