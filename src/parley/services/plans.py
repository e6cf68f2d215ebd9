"""Gathering everything a live session needs, once, before the call begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import transfers, voices
from parley.domain.agents import AgentSnapshot, ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan, Continuation, EarlierLine
from parley.domain.decisions import Decision
from parley.domain.stages import Stage
from parley.domain.templates import fill
from parley.services.conduct import conduct_of, silence_check_in_s_of
from parley.services.credentials import Credentials
from parley.services.defaults import Defaults
from parley.services.webhooks import Webhooks
from parley.storage import credentials, projects
from parley.storage.tables import AgentRow, CallRow, TranscriptRow

# More than a call can have; the session before may still write rows that nobody here knows of.
_ROWS_A_SESSION = 100_000
_LEAST_REST_S = 60.0


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What one call changes of its agent; None leaves the agent's own. A prompt makes the chat model answer."""

    system_prompt: str | None = None
    greeting: str | None = None
    voice: str | None = None
    variables: Mapping[str, Any] = {}
    speech_to_text: Mapping[str, Any] = {}
    text_to_speech: Mapping[str, Any] = {}
    language_model: Mapping[str, Any] = {}


class Plans:
    def __init__(self, credentials: Credentials, webhooks: Webhooks, defaults: Defaults) -> None:
        self._credentials = credentials
        self.webhooks = webhooks
        self.defaults = defaults

    async def snapshot(
        self, session: AsyncSession, agent: AgentRow, overrides: Overrides | None = None
    ) -> AgentSnapshot:
        """The agent as it is now, with a call's overrides, the operator's defaults and the variables filled in."""
        own = overrides or Overrides()
        speaking = await self._voice_providers(session, agent.project_id)
        language = agent.language or self.defaults.language
        prompt = agent.system_prompt if own.system_prompt is None else own.system_prompt
        greeting = agent.begin_message if own.greeting is None else own.greeting
        is_hosted = agent.voice_mode == "hosted" or bool(own.system_prompt)
        ears = _laid_over(agent.speech_to_text, own.speech_to_text, self.defaults.listen.provider)
        listen = _listen(ears, self.defaults.listen, language)
        voice = _voice(agent, own, self.defaults, language, speaking)
        chosen = _laid_over(agent.language_model, own.language_model, self.defaults.model.provider)
        model = _model(chosen, self.defaults.model)
        return AgentSnapshot(
            id=agent.id,
            name=agent.name,
            voice_mode="hosted" if is_hosted else "webhook",
            system_prompt=fill(prompt or "", own.variables),
            greeting=fill(greeting or "", own.variables),
            transfer_number=agent.transfer_number or "",
            language=language,
            listen=listen,
            voice=voice,
            model=model,
            max_call_duration_s=self.defaults.max_call_duration_s,
            silence_check_in_s=silence_check_in_s_of(agent.conduct, self.defaults.silence_check_in_s),
            is_recorded=await self._is_recorded(session, agent),
            conduct=conduct_of(agent.conduct, is_hosted=is_hosted),
            spare_listens=_spare_listens(agent, own, self.defaults, listen),
            spare_voices=_spare_voices(agent, own, self.defaults, voice),
            spare_models=_spare_models(agent, own, self.defaults, model),
        )

    async def is_answered(
        self, session: AsyncSession, project_id: str, agent: AgentSnapshot, own_url: str | None = None
    ) -> bool:
        """Whether anybody answers the turns of a call with this agent: the chat model, or a webhook."""
        if agent.voice_mode == "hosted":
            return True
        return await self.webhooks.address_in(session, project_id, agent.id, own_url) is not None

    async def is_answered_for(self, session: AsyncSession, agent: AgentRow) -> bool:
        """The same of a call that would reach the agent now."""
        if agent.voice_mode == "hosted":
            return True
        return await self.webhooks.address_in(session, agent.project_id, agent.id, None) is not None

    def house(self) -> AgentSnapshot:
        """Who speaks to a caller whom no agent holds: nobody's agent, with the voice and ears the operator chose."""
        return self.in_house_voice(AgentSnapshot(id="", name="", voice_mode="hosted", language=self.defaults.language))

    def in_house_voice(self, agent: AgentSnapshot) -> AgentSnapshot:
        """The same agent, heard and spoken through what the operator chose, in the agent's language."""
        defaults = self.defaults
        return msgspec.structs.replace(
            agent,
            listen=msgspec.structs.replace(defaults.listen, language=agent.language),
            voice=msgspec.structs.replace(defaults.voice, language=agent.language),
            model=defaults.model,
            max_call_duration_s=defaults.max_call_duration_s,
            spare_listens=(),
            spare_voices=(),
            spare_models=(),
        )

    async def _is_recorded(self, session: AsyncSession, agent: AgentRow) -> bool:
        if agent.recording_enabled is not None:
            return agent.recording_enabled
        return (await projects.get(session, agent.project_id)).recording_enabled

    async def _voice_providers(self, session: AsyncSession, project_id: str) -> frozenset[str]:
        """Whose voices this project's agents can have now."""
        defaults = self.defaults
        keyed = defaults.keyed_voice_providers - defaults.voice_providers
        rows = await credentials.for_providers(session, project_id, keyed) if keyed else []
        return (defaults.voice_providers | {row.provider for row in rows}) - defaults.lost_voice_providers()

    async def for_rest(
        self, call: CallRow, rows: Sequence[TranscriptRow], now: datetime, *, is_back: bool = False
    ) -> CallPlan:
        """The plan for a session that gets the phone of a call it does not hold, with the rows written so far.

        If something was said already, another session said it: this one remembers it, does not greet again, and has
        what is left of the time. `is_back`: the caller comes from a human's phone that nobody answered.
        """
        plan = await self.for_call(call)
        passed_s = max(0.0, (now - call.created_at).total_seconds())
        last = max((row.row for row in rows), default=0)
        first_row = (last // _ROWS_A_SESSION + 1) * _ROWS_A_SESSION
        tried = transfers.read(call.transfers)
        continues = Continuation(
            first_row,
            passed_s,
            tuple(_earlier_lines(rows)),
            whispers=tried[-1].whispers if tried else (),
            transfer=transfers.returned(tried),
            is_back=is_back,
        )
        if rows or is_back:
            left_s = max(_LEAST_REST_S, plan.agent.max_call_duration_s - passed_s)
            plan = msgspec.structs.replace(
                plan, agent=msgspec.structs.replace(plan.agent, greeting="", max_call_duration_s=left_s)
            )
        return msgspec.structs.replace(plan, continues=continues)

    async def for_call(self, call: CallRow) -> CallPlan:
        """The plan of a stored call, from the snapshot taken when it began and the keys and webhook of now.

        `agent.voice_mode` is "hosted" exactly when the chat model answers; a webhook-mode plan without a `webhook`
        has nobody to ask, and every turn is silence. A webhook is asked ahead if it wants to be, whatever the agent's
        setting.
        """
        agent = msgspec.convert(call.snapshot, AgentSnapshot)
        spares = {each.provider for each in agent.spare_listens}
        spares |= {each.provider for each in agent.spare_voices} | {each.provider for each in agent.spare_models}
        parts = {agent.listen.provider, agent.voice.provider, agent.model.provider} | spares
        keys = await self._credentials.for_providers(call.project_id, parts)
        webhook = None
        if agent.voice_mode == "webhook":
            webhook = await self.webhooks.target_for(call.project_id, agent.id, call.webhook_url)
            is_asked_early = webhook is not None and webhook.speculative
            conduct = msgspec.structs.replace(agent.conduct, thinks_ahead=is_asked_early)
            agent = msgspec.structs.replace(agent, conduct=conduct)
        return CallPlan(
            call_id=call.id,
            project_id=call.project_id,
            direction=call.direction,  # type: ignore[arg-type]  # written by `Calls` alone
            from_number=call.from_number,
            to_number=call.to_number,
            agent=agent,
            number_id=call.number_id or "",
            webhook=webhook,
            listen_key=keys[agent.listen.provider],
            voice_key=keys[agent.voice.provider],
            model_key=keys[agent.model.provider],
            spare_keys={name: keys[name] for name in sorted(spares)},
            carrier=call.carrier,
            stage=stage_of(call),
            fallback="hangup" if call.routing is None else msgspec.convert(call.routing, Decision).fallback,
            is_test=call.is_test,
        )


def stage_of(call: CallRow) -> Stage | None:
    """Where the call is; None while it is with its agent, or will be."""
    stage: Stage | None = msgspec.convert(call.stage, Stage | None)
    return stage


def _earlier_lines(rows: Sequence[TranscriptRow]) -> Iterator[EarlierLine]:
    for row in rows:
        if row.caller:
            yield EarlierLine("caller", row.caller, row.created_at)
        if row.agent:
            yield EarlierLine("human" if row.is_human else "agent", row.agent, row.created_at)


def _laid_over(agents: Mapping[str, Any] | None, calls: Mapping[str, Any], default: str) -> Mapping[str, Any]:
    """The call's choice of a part over its agent's. To another provider the rest of the agent's choice means nothing.

    `default` is the provider where the agent names none.
    """
    agents = agents or {}
    provider = agents.get("provider", default)
    return {**agents, **calls} if calls.get("provider", provider) == provider else calls


def _fallbacks(agents: Mapping[str, Any] | None, calls: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Who takes over if the chosen one fails: the call's own line, else the agent's, whichever provider comes first."""
    found: Sequence[Mapping[str, Any]] = calls.get("fallbacks", (agents or {}).get("fallbacks", ()))
    return found


def _listen(chosen: Mapping[str, Any], default: ListenChoice, language: str) -> ListenChoice:
    provider = chosen.get("provider", default.provider)
    model = default.model if provider == default.provider else ""
    return ListenChoice(provider, chosen.get("model", model), chosen.get("language", language))


def _model(chosen: Mapping[str, Any], default: ModelChoice) -> ModelChoice:
    provider = chosen.get("provider", default.provider)
    model = default.model if provider == default.provider else ""
    return ModelChoice(provider, chosen.get("model", model), chosen.get("temperature", default.temperature))


def _voice(agent: AgentRow, own: Overrides, defaults: Defaults, language: str, speaking: frozenset[str]) -> VoiceChoice:
    """The call's voice, else the agent's most particular one, else the server's.

    A known id brings its provider with it, unless the agent names another or it is not among those `speaking`: then
    the closest voice of the provider that speaks instead is asked for.
    """
    default = defaults.voice
    chosen = _laid_over(agent.text_to_speech, own.text_to_speech, default.provider)
    agents_own = agent.voice if "provider" not in own.text_to_speech else None
    asked = own.voice or chosen.get("voice") or agents_own or ""
    known = voices.find(asked)
    provider = chosen.get("provider", default.provider)
    language = chosen.get("language", language)
    if known is not None and "provider" not in chosen and known.provider in speaking:
        provider = known.provider
    if known is not None:
        asked = voices.closest(known, provider, language)
    is_default = provider == default.provider
    return VoiceChoice(
        provider=provider,
        model=chosen.get("model", default.model if is_default else ""),
        voice=asked or (default.voice if is_default else ""),
        language=language,
        speed=chosen.get("speed", default.speed),
    )


# A spare part speaks the language of the one that it stands in for, as fast and as freely, unless it is told otherwise.


def _spare_listens(
    agent: AgentRow, own: Overrides, defaults: Defaults, first: ListenChoice
) -> tuple[ListenChoice, ...]:
    line = _fallbacks(agent.speech_to_text, own.speech_to_text)
    return tuple(_listen(each, defaults.listen, first.language) for each in line)


def _spare_models(agent: AgentRow, own: Overrides, defaults: Defaults, first: ModelChoice) -> tuple[ModelChoice, ...]:
    default = msgspec.structs.replace(defaults.model, temperature=first.temperature)
    return tuple(_model(each, default) for each in _fallbacks(agent.language_model, own.language_model))


def _spare_voices(agent: AgentRow, own: Overrides, defaults: Defaults, first: VoiceChoice) -> tuple[VoiceChoice, ...]:
    line = _fallbacks(agent.text_to_speech, own.text_to_speech)
    return tuple(_spare_voice(each, defaults.voice, first) for each in line)


def _spare_voice(chosen: Mapping[str, Any], default: VoiceChoice, first: VoiceChoice) -> VoiceChoice:
    """Where no voice is named, the caller should hardly notice who took over: the closest to the first is asked for."""
    known = voices.find(chosen.get("voice", ""))
    provider = chosen.get("provider", default.provider if known is None else known.provider)
    language = chosen.get("language", first.language)
    asked = chosen.get("voice", "")
    if not asked and provider == first.provider:
        asked = first.voice
    elif not asked:
        known = voices.spoken_by(first.provider, first.voice)
    if known is not None:
        asked = voices.closest(known, provider, language)
    is_default = provider == default.provider
    return VoiceChoice(
        provider=provider,
        model=chosen.get("model", default.model if is_default else ""),
        voice=asked or (default.voice if is_default else ""),
        language=language,
        speed=chosen.get("speed", first.speed),
    )
