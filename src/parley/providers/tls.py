"""Whom connections to the outside trust. Reading the certificates takes 20 ms, so it is done once a process."""

from __future__ import annotations

import functools
import ssl

import httpx


@functools.cache
def http_trust() -> ssl.SSLContext:
    """For HTTP clients, which note on it which protocols they offer: those of certifi and of this machine."""
    return _everybody_trusted()


@functools.cache
def socket_trust() -> ssl.SSLContext:
    """The same for websockets."""
    return _everybody_trusted()


def _everybody_trusted() -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context
