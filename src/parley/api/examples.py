"""A request body for every operation, for the API documents and for the tests that send each of them.

An example is written once in snake_case and shown in each dialect's spelling. A required field that it leaves out gets
a value by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.schemas.agents import AgentCreate, AgentUpdate
from parley.schemas.alerts import AlertBacktest, AlertCreate, AlertUpdate
from parley.schemas.base import Wire
from parley.schemas.call_polls import CallPlace
from parley.schemas.calls import CallCreate
from parley.schemas.diagnostics import CallTestCreate, NetworkTestCreate
from parley.schemas.dialects import Dialect
from parley.schemas.live import HandBackCreate, LiveTokenCreate, TakeOverCreate, TransferCreate
from parley.schemas.messages import ConversationUpdate, MessageSend
from parley.schemas.numbers import NumberBuy, NumberImport, NumberUpdate
from parley.schemas.projects import ProjectUpdate
from parley.schemas.queues import QueueCreate, QueueUpdate
from parley.schemas.registrations import NumberRegister
from parley.schemas.routed_numbers import RoutedNumberImport, RoutedNumberUpdate
from parley.schemas.routing import NumberRoutingPut, ProjectRoutingPut
from parley.schemas.routing_explained import PastRoutingExplain, RoutingExplain
from parley.schemas.subscriptions import SubscriptionCreate, SubscriptionUpdate
from parley.schemas.trunks import TrunkCreate, TrunkUpdate
from parley.schemas.voicemails import VoicemailUpdate

Json = dict[str, Any]

# Ids are placeholders: whoever tries an example puts ids of their own there.
_AGENT = "agent_0199a5c2d3e47f1c8a6b5d4e3f2a1b0c"
_CREDENTIAL = "cred_0199a5c2d3e47f1c8a6b5d4e3f2a1b0c"
_VALUES: Mapping[str, Any] = {
    "agent_id": _AGENT,
    "number_id": "num_0199a5c2d3e47f1c8a6b5d4e3f2a1b0c",
    "name": "Front desk",
    "api_key": "your-provider-key",
    "phone_number": "+14155551234",
    "from_number": "+15105550123",
    "to_number": "+14155550199",
    "url": "https://example.com/webhook",
}
_WEEKDAY = {"start": "09:00", "end": "17:00"}
_ROUTING: Json = {
    "routing_config": {"default_agent": _AGENT, "fallback_behavior": "voicemail", "max_queue_time": 300},
    "routing_rules": [
        {"condition": "caller_id_matches", "pattern": "+1800*", "action": "route_to_agent", "agent_id": _AGENT},
        {"condition": "time_of_day", "start_time": "18:00", "end_time": "08:00", "action": "overflow_to_voicemail"},
    ],
}


def _first(shape: type[Wire], name: str) -> Any:
    """The field's own example: schemas may name a carrier, this floor may not."""
    return (shape.model_fields[name].examples or ["text"])[0]


_BODIES: Mapping[type[Wire], Json] = {
    AgentCreate: {
        "name": "Front desk",
        "voice_mode": "hosted",
        "system_prompt": "You answer the phone of a dentist. Be brief and kind.",
        "begin_message": "Hello, this is the front desk. How can I help?",
        "voice": "alloy",
        "interruption_sensitivity": 0.8,
        "protect_greeting": True,
        "fillers": ["One moment, please.", "Let me look."],
        "end_of_turn": {"max_pause_ms": 2000},
        "dtmf": {"count": 4, "hidden": True},
        "text_to_speech": {"voice": "alloy", "fallbacks": [{"voice": "nova"}]},
    },
    AgentUpdate: {
        "system_prompt": "You answer the phone of a dentist. This week is closed.",
        "interruption_sensitivity": 0.5,
    },
    NumberBuy: {"country": "US", "area_code": "415", "agent_id": _AGENT},
    NumberImport: {"phone_number": "+14155551234", "friendly_name": "Front desk", "agent_id": _AGENT},
    LiveTokenCreate: {"call_id": "call_0199a5c2d3e47f1c8a6b5d4e3f2a1b0c"},
    TransferCreate: {"to_number": "+14155550199", "say": "I put you through to a colleague."},
    TakeOverCreate: {"name": "Ann", "for_seconds": 60},
    HandBackCreate: {"note": "The caller wants a table for two on Friday.", "say": "I'm back with you."},
    NumberRegister: {
        "phone_number": "+14155551234",
        "friendly_name": "Front desk",
        "provider": "tenyx",
        "agent_id": _AGENT,
        "provider_config": {"trunk_address": "sip.example.com", "auth_username": "me", "auth_password": "secret"},
    },
    NumberUpdate: {"agent_id": _AGENT},
    CallCreate: {
        "agent_id": _AGENT,
        "to_number": "+14155550199",
        "initial_greeting": "Hi, this is the front desk calling about your appointment.",
        "system_prompt": "Confirm the appointment on Tuesday at 2 pm.",
    },
    CallPlace: {
        "agent_id": _AGENT,
        "to_number": "+14155550199",
        "from_number": "+15105550123",
        "variables": {"customer_name": "Sam", "order_id": "ORD-001"},
        "webhook_url": "https://example.com/per-call-webhook",
    },
    MessageSend: {"agent_id": _AGENT, "to_number": "+14155550199", "body": "Your table is booked for 7 pm."},
    ConversationUpdate: {"metadata": {"customer": "Sam", "order_id": "ORD-001"}},
    ProjectUpdate: {"recording_enabled": False},
    QueueCreate: {
        "name": "Reception",
        "agent_ids": [_AGENT],
        "max_wait_time": 300,
        "queue_music": "default",
        "position_announcements": True,
        "estimated_wait_announcements": True,
        "overflow_behavior": "voicemail",
    },
    QueueUpdate: {"max_wait_time": 120, "callback_offer": True},
    RoutedNumberImport: {
        "phone_number": "+14155551234",
        "country_code": "US",
        "provider": _first(RoutedNumberImport, "provider"),
        "provider_config": {"account_sid": "your_account_sid", "auth_token": "your_auth_token"},
    },
    RoutedNumberUpdate: {
        "agent_id": _AGENT,
        "call_routing": {
            "mode": "direct",
            "business_hours": {
                "enabled": True,
                "timezone": "America/New_York",
                "schedule": {"monday": _WEEKDAY, "tuesday": _WEEKDAY},
            },
        },
        **_ROUTING,
    },
    ProjectRoutingPut: _ROUTING,
    NumberRoutingPut: {
        "routing_rules": [
            {
                "name": "Important callers after hours",
                "conditions": [
                    {"condition": "caller_id_matches", "pattern": "+1415555*"},
                    {"condition": "business_hours", "state": "closed"},
                ],
                "action": "route_to_number",
                "phone_number": "+14155550199",
            },
            *_ROUTING["routing_rules"],
        ]
    },
    RoutingExplain: {"from": "+14155550199", "to": "+15105550123", "at": "2026-12-24T20:05:00Z"},
    PastRoutingExplain: {"days": 7},
    VoicemailUpdate: {"heard": True},
    TrunkCreate: {
        "name": "Main trunk",
        "sip_domain": "sip.example.com",
        "auth_username": "parley",
        "auth_password": "secret",
        "registration_required": True,
    },
    TrunkUpdate: {"transport": "TLS", "codec_preferences": ["PCMU"]},
    SubscriptionCreate: {"url": "https://example.com/call-events", "events": ["call_started", "call_ended"]},
    SubscriptionUpdate: {"active": False},
    CallTestCreate: {"phone_number": "+15105550123", "test_type": "inbound_routing", "duration_seconds": 30},
    AlertCreate: {
        "name": "Somebody waits",
        "condition": {"kind": "queue_time", "threshold": 60},
        "dedupe_seconds": 600,
        "quiet_hours": {"timezone": "America/New_York", "start": "22:00", "end": "07:00"},
        "channels": [{"type": "webhook", "url": "https://example.com/alerts"}],
    },
    AlertUpdate: {"active": False},
    AlertBacktest: {"condition": {"kind": "error_rate", "threshold": 0.2}, "least_count": 5, "window_seconds": 3600},
    NetworkTestCreate: {"target_endpoint": "sip.example.com", "test_type": "connectivity"},
}


def example(shape: type[Wire], dialect: Dialect) -> Json:
    """A body that `shape` accepts, as `dialect` spells it. Keys inside customer-owned objects stay as they are."""
    required = {
        name: _VALUES.get(name, _first(shape, name))
        for name, field in shape.model_fields.items()
        if field.is_required()
    }
    read = shape.model_validate({**required, **_BODIES.get(shape, {})})
    body: Json = read.model_dump(mode="json", by_alias=dialect.casing == "camelCase", exclude_unset=True)
    return body
