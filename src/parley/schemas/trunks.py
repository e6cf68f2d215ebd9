"""SIP on the wire: a number's own connection, and trunks. Passwords go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from parley.domain.endpoints import SIP_PORT, SIPS_PORT, require_endpoint, require_host
from parley.schemas.agents import Name
from parley.schemas.base import Timestamp, Wire, between, not_null, problem
from parley.schemas.fields import matching


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Transport = Annotated[Literal["UDP", "TCP", "TLS"], BeforeValidator(_upper)]
Host = Annotated[
    str,
    Field(min_length=1, max_length=253, examples=["sip.example.com"]),
    matching(r"^[A-Za-z0-9_.:\-]+$", "must be a host name like sip.example.com, or an IP address"),
    AfterValidator(require_host),
]
Proxy = Annotated[
    str,
    Field(min_length=1, max_length=300, description="A host, with a port behind a colon if it is not the usual one."),
    AfterValidator(require_endpoint),
]
Username = Annotated[str, Field(min_length=1, max_length=200)]
Password = Annotated[str, Field(min_length=1, max_length=1000, json_schema_extra={"format": "password"})]
Port = Annotated[int, between(1, 65_535)]
Codecs = Annotated[
    list[
        Annotated[
            str,
            Field(max_length=32, examples=["G.711"]),
            matching(r"^[A-Za-z0-9][A-Za-z0-9 ._/\-]*$", "must be the name of a codec, like G.711"),
        ]
    ],
    Field(max_length=20),
]


def default_port(transport: str) -> int:
    """Where SIP is spoken unless somebody says otherwise (RFC 3261, 19.1.2)."""
    return SIPS_PORT if transport == "TLS" else SIP_PORT


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class SipConfig(Wire):
    """How a number is reached by SIP. `port` is 5060, or 5061 for TLS, unless you say otherwise."""

    sip_domain: Host
    username: Username | None = None
    password: Password | None = None
    proxy: Proxy | None = None
    port: Port | None = None
    transport: Transport = "UDP"
    codec_preferences: Codecs = Field(default_factory=list)


class SipConfigOut(Wire):
    """A number's SIP connection without its password; `password_set` says whether there is one."""

    sip_domain: str
    username: str | None = None
    proxy: str | None = None
    port: int
    transport: str
    codec_preferences: list[str] = Field(default_factory=list)
    password_set: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any], *, has_password: bool) -> SipConfigOut:
        """From a stored connection. One that was sent under other names may hold anything but these texts."""
        transport = stored.get("transport")
        transport = transport if transport in ("UDP", "TCP", "TLS") else "UDP"
        port, codecs = stored.get("port"), stored.get("codec_preferences")
        return cls(
            sip_domain=str(stored.get("sip_domain") or stored.get("trunk_address") or ""),
            username=_text(stored.get("username") or stored.get("auth_username")),
            proxy=_text(stored.get("proxy")),
            port=port if isinstance(port, int) else default_port(transport),
            transport=transport,
            codec_preferences=[each for each in codecs if isinstance(each, str)] if isinstance(codecs, list) else [],
            password_set=has_password,
        )


class _TrunkFields(Wire):
    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [{"not": {"required": [name, f"auth_{name}"]}} for name in ("username", "password")],
        }
    )

    auth_username: Username | None = None
    auth_password: Password | None = None
    username: Username | None = None
    password: Password | None = None
    proxy: Proxy | None = None
    port: Port | None = None

    @model_validator(mode="after")
    def _refuse_two_names(self) -> _TrunkFields:
        for name, other in (("username", "auth_username"), ("password", "auth_password")):
            if {name, other} <= self.model_fields_set:
                raise problem(name, f"is another name for {other}; send one of the two")
        return self

    def sent(self) -> dict[str, Any]:
        """The fields that were sent, each under one name: `username` and `password`."""
        values = self.model_dump(include=self.model_fields_set)
        for name in ("username", "password"):
            if f"auth_{name}" in values:
                values[name] = values.pop(f"auth_{name}")
        return values


class TrunkCreate(_TrunkFields):
    """Add a SIP trunk. `username` and `password` are other names for `auth_username` and `auth_password`."""

    name: Name
    sip_domain: Host
    registration_required: bool = False
    transport: Transport = "UDP"
    codec_preferences: Codecs = Field(default_factory=list)


class TrunkUpdate(_TrunkFields):
    """What is left out stays, the password too; null clears what may be empty."""

    name: Annotated[Name | None, not_null()] = None
    sip_domain: Annotated[Host | None, not_null()] = None
    registration_required: Annotated[bool | None, not_null()] = None
    transport: Annotated[Transport | None, not_null()] = None
    codec_preferences: Annotated[Codecs | None, not_null()] = None


class TrunkOut(Wire):
    """A trunk without its password. `registration` says whether this server is registered with it."""

    id: str
    name: str
    sip_domain: str
    auth_username: str | None = Field(validation_alias="username")
    password_set: bool
    registration_required: bool
    proxy: str | None
    port: int
    transport: str
    codec_preferences: list[str]
    registration: Literal["not_connected"] = "not_connected"
    registration_note: str = (
        "The trunk is stored and checked for form; this server does not register with SIP trunks, so no call goes out"
        " or comes in over it."
    )
    created_at: Timestamp
    updated_at: Timestamp
