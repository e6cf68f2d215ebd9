"""`parley demo`: a complete phone call on this machine, with no key, no account and no network.

Everything between the caller's mouth and the agent's is parley as it runs in production: its API, its database, the
carrier's webhooks and media websocket, the conversation, the outbox. Simulated are the ends that would need an account
or a person: the telephone network and its REST interface, the caller (scripted), the recogniser (it hears the words
that are hidden in the caller's audio) and, where espeak-ng is not installed, the voice (a tone).
"""

from __future__ import annotations

import asyncio

import uvloop


def run(*, once: bool) -> int:
    """Hold the call and show it. With `once` 0 only if all of it happened; without, serve until Ctrl-C."""
    from parley import logs
    from parley.demo.play import play

    logs.configure("error", "console")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(play(once=once))
