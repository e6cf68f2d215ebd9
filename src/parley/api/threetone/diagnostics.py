"""Checks a customer may ask for: health, a test call, the network."""

from __future__ import annotations

from parley.api.diagnostics import GET_CALL_TEST, GET_NETWORK_TEST, HEALTH, TEST_CALL, TEST_NETWORK, at

OPERATIONS = (
    at(HEALTH, "/phone-integration/health"),
    at(TEST_CALL, "/test-call"),
    at(GET_CALL_TEST, "/test-call/{call_test_id}"),
    at(TEST_NETWORK, "/diagnostics/network-test"),
    at(GET_NETWORK_TEST, "/diagnostics/network-test/{network_test_id}"),
)
