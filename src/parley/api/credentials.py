"""Provider credentials over HTTP. A secret goes in and never comes out."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.answers import Success
from parley.schemas.credentials import CredentialCreate, CredentialList, CredentialOut
from parley.storage.tables import CredentialRow

GROUP = "Credentials"


async def create_credential(ask: Ask[CredentialCreate, None]) -> CredentialRow:
    return await ask.services.credentials.create(ask.project_id, ask.body)


async def list_credentials(ask: Ask[None, CredentialList]) -> Listing:
    rows, total = await ask.services.credentials.list(ask.project_id, ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


async def delete_credential(ask: Ask[None, None]) -> Success:
    await ask.services.credentials.delete(ask.project_id, ask.ids["credential_id"])
    return Success()


OPERATIONS = (
    Operation(
        "POST",
        "/credentials",
        create_credential,
        title="Store a credential",
        group=GROUP,
        answer=CredentialOut,
        body=CredentialCreate,
        status=201,
        about="Your own account at a carrier, recogniser, model or voice; it wins over the operator's. The key is"
        " sealed, and never shown again.",
    ),
    Operation(
        "GET",
        "/credentials",
        list_credentials,
        title="List credentials",
        group=GROUP,
        answer=CredentialOut,
        query=CredentialList,
        lists=("credentials",),
    ),
    Operation(
        "DELETE",
        "/credentials/{credential_id}",
        delete_credential,
        title="Delete a credential",
        group=GROUP,
        answer=Success,
        about="Numbers and calls that used it fall back to your other accounts, then to the operator's.",
    ),
)
