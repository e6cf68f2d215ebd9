"""Alerts: rules, their firings, and what a rule would have done."""

from __future__ import annotations

from typing import Any

from parley.api.operations import Ask, Listing, Operation
from parley.api.paging import page_of
from parley.domain.alerts import Firing
from parley.schemas.alerts import (
    AlertBacktest,
    AlertChannel,
    AlertCreate,
    AlertOut,
    AlertUpdate,
    BacktestOut,
    BacktestQuery,
    FiringOut,
    FiringQuery,
)
from parley.schemas.answers import Success
from parley.schemas.pages import CursorQuery
from parley.services.alert_watch import evidence
from parley.services.alerts import Backtest
from parley.storage.tables import AlertFiringRow, AlertRuleRow

GROUP = "Alerts"
MOST_SHOWN = 100
_ONE = "/alerts/{alert_id}"
_ABOUT = (
    "The rule looks at calls as they happen, from now on; within seconds of what it looks for it fires, the firing is"
    " kept with its evidence, and its channels are told. A webhook gets a signed `alert.fired`, sent like every event."
    " Subscriptions are told `alert_fired`, and `escalation_triggered` or `system_error` where that is what it is."
)


async def create_alert(ask: Ask[AlertCreate, None]) -> dict[str, Any]:
    return shown(await ask.services.alerts.create(ask.project_id, ask.body))


async def list_alerts(ask: Ask[None, CursorQuery]) -> Listing:
    rows, total, next_id = await ask.services.alerts.list(ask.project_id, ask.query)
    return page_of([shown(row) for row in rows], total, next_id, ask.query)


async def get_alert(ask: Ask[None, None]) -> dict[str, Any]:
    return shown(await ask.services.alerts.get(ask.project_id, ask.ids["alert_id"]))


async def update_alert(ask: Ask[AlertUpdate, None]) -> dict[str, Any]:
    return shown(await ask.services.alerts.update(ask.project_id, ask.ids["alert_id"], ask.body))


async def delete_alert(ask: Ask[None, None]) -> Success:
    await ask.services.alerts.delete(ask.project_id, ask.ids["alert_id"])
    return Success()


async def backtest(ask: Ask[AlertBacktest, None]) -> BacktestOut:
    return tried(await ask.services.alerts.backtest(ask.project_id, ask.body))


async def backtest_alert(ask: Ask[None, BacktestQuery]) -> BacktestOut:
    return tried(await ask.services.alerts.backtest_rule(ask.project_id, ask.ids["alert_id"], ask.query.days))


async def list_firings(ask: Ask[None, FiringQuery]) -> Listing:
    found, page = await ask.services.alerts.list_firings(ask.project_id, ask.query)
    return page_of([fired(*each) for each in found], page.total, page.next_id, ask.query)


async def get_firing(ask: Ask[None, None]) -> dict[str, Any]:
    return fired(*await ask.services.alerts.get_firing(ask.project_id, ask.ids["firing_id"]))


def shown(row: AlertRuleRow) -> dict[str, Any]:
    """A rule as the wire has it."""
    condition = dict(row.condition)
    own = {name: condition.pop(name) for name in ("least_count", "dedupe_by")}
    return {
        **own,
        "id": row.id,
        "name": row.name,
        "condition": condition,
        "agent_id": row.agent_id,
        "window_seconds": row.window_s,
        "dedupe_seconds": row.dedupe_s,
        "quiet_hours": row.quiet_hours,
        "channels": [AlertChannel.model_validate(each) for each in row.channels],
        "active": row.is_active,
        "effective_from": row.effective_from,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def fired(row: AlertFiringRow, rule: AlertRuleRow) -> dict[str, Any]:
    """A firing with its rule's name."""
    return {
        "id": row.id,
        "alert_id": rule.id,
        "alert_name": rule.name,
        "call_id": row.call_id,
        "value": row.value,
        "evidence": row.evidence,
        "told": row.told,
        "fired_at": row.fired_at,
    }


def tried(test: Backtest) -> BacktestOut:
    """What a rule would have done, the newest first."""
    each = sorted(zip(test.fired, test.told_at, strict=True), key=lambda pair: pair[0].at, reverse=True)
    told = sum(at is not None for at in test.told_at)
    return BacktestOut.model_validate(
        {
            "since": test.since,
            "until": test.until,
            "fired": len(test.fired),
            "told": told,
            "summary": _summary(test, told),
            "firings": [_would_have(met, at) for met, at in each[:MOST_SHOWN]],
        }
    )


def _would_have(met: Firing, told_at: Any) -> dict[str, Any]:
    return {
        "fired_at": met.at,
        "call_id": met.call_id,
        "value": met.value,
        "evidence": evidence(met),
        "told_at": told_at,
    }


def _summary(test: Backtest, told: int) -> str:
    number, days = len(test.fired), (test.until - test.since).days
    times = "not have fired" if number == 0 else f"have fired {number} time{'s' if number > 1 else ''}"
    quiet = f", and quiet hours would have kept {number - told} of them from everybody" if told < number else ""
    return f"This rule would {times} in the last {f'{days} days' if days > 1 else '24 hours'}{quiet}."


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/alerts",
        create_alert,
        title="Create an alert",
        group=GROUP,
        answer=AlertOut,
        body=AlertCreate,
        status=201,
        about=_ABOUT,
    ),
    Operation(
        "GET",
        "/alerts",
        list_alerts,
        title="List alerts",
        group=GROUP,
        answer=AlertOut,
        query=CursorQuery,
        lists=("alerts",),
    ),
    Operation("GET", _ONE, get_alert, title="Read an alert", group=GROUP, answer=AlertOut),
    Operation(
        "PATCH",
        _ONE,
        update_alert,
        title="Change an alert",
        group=GROUP,
        answer=AlertOut,
        body=AlertUpdate,
        about="Only what is sent changes. Unless that is its name, its channels or its quiet hours, the rule begins"
        " anew: it looks at what happens from now on.",
    ),
    Operation(
        "DELETE", _ONE, delete_alert, title="Delete an alert", group=GROUP, about="Its firings are deleted with it."
    ),
    Operation(
        "POST",
        "/alerts/backtest",
        backtest,
        title="Try an alert on past calls",
        group=GROUP,
        answer=BacktestOut,
        body=AlertBacktest,
        about="What a rule would have fired in the last days, with the evidence, before there is such a rule. Nobody is"
        " told. It is the live rule's own arithmetic over the same calls.",
    ),
    Operation(
        "GET",
        f"{_ONE}/backtest",
        backtest_alert,
        title="Try a stored alert on past calls",
        group=GROUP,
        answer=BacktestOut,
        query=BacktestQuery,
    ),
    Operation(
        "GET",
        "/alert-firings",
        list_firings,
        title="List firings",
        group=GROUP,
        answer=FiringOut,
        query=FiringQuery,
        lists=("firings",),
        about="Newest first, of all alerts or of one.",
    ),
    Operation("GET", "/alert-firings/{firing_id}", get_firing, title="Read a firing", group=GROUP, answer=FiringOut),
)
