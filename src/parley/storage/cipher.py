"""Secrets at rest: AES-256-GCM, bound to the row they belong to.

The associated data names project and row, so a ciphertext copied to another row, or another project, does not open.
A key ring makes rotation possible: the first key seals, every key opens. A sealed value is
`0x01 | key id (4) | nonce (12) | ciphertext and tag` (NIST SP 800-38D; 96-bit random nonces).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parley.domain.errors import ConfigurationError
from parley.domain.secrets import Secret

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_MIN_KEY_CHARS = 8


class Cipher:
    """`keys` are the operator's texts, newest first; each is stretched into a 256-bit key."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        if not keys:
            raise ConfigurationError("PARLEY_SECRET_KEY is empty; set it to a long random text.")
        raw_keys = [_stretch(key) for key in keys]
        self._keys = {_key_id(raw): AESGCM(raw) for raw in raw_keys}
        self._sealing_id = _key_id(raw_keys[0])
        self._deriving_key = raw_keys[0]

    @classmethod
    def from_setting(cls, setting: Secret) -> Cipher:
        """Read PARLEY_SECRET_KEY: one key, or several separated by commas, the newest first."""
        parts = [part.strip() for part in setting.reveal().split(",")]
        return cls([Secret(part) for part in parts if part])

    def seal(self, secret: Secret, project_id: str, row_id: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[self._sealing_id].encrypt(nonce, secret.reveal().encode(), _bound_to(project_id, row_id))
        return _VERSION + self._sealing_id + nonce + sealed

    def open(self, sealed: bytes, project_id: str, row_id: str) -> Secret:
        """Raises ConfigurationError when no key of the ring opens it, or it was moved or changed."""
        head = len(_VERSION) + _KEY_ID_BYTES
        key = self._keys.get(sealed[len(_VERSION) : head])
        if sealed[: len(_VERSION)] != _VERSION or key is None:
            raise ConfigurationError(
                "A stored secret was sealed with another key; add the earlier key to PARLEY_SECRET_KEY, after a comma."
            )
        nonce, body = sealed[head : head + _NONCE_BYTES], sealed[head + _NONCE_BYTES :]
        try:
            return Secret(key.decrypt(nonce, body, _bound_to(project_id, row_id)).decode())
        except InvalidTag:
            raise ConfigurationError(
                "A stored secret does not belong to its row: it was moved or changed. Delete it and create it again."
            ) from None

    def signing_secret(self, project_id: str) -> Secret:
        """What a call's own webhook is signed with where the project has no webhook and so no secret of its own.

        `whsec_` and base64, the same for a project as long as the newest key stays.
        """
        digest = hmac.digest(self._deriving_key, b"webhook signing/" + project_id.encode(), "sha256")
        return Secret("whsec_" + base64.b64encode(digest).decode())

    def link_key(self) -> bytes:
        """What links to recordings are signed with, on every replica alike."""
        return hmac.digest(self._deriving_key, b"recording links", "sha256")


def secret_key_in(data_dir: Path) -> Secret:
    """The key kept in the data folder, made there (readable by the owner alone) at the first start."""
    path = data_dir / "secret.key"
    data_dir.mkdir(parents=True, exist_ok=True)
    fresh = data_dir / f".secret.key.{os.getpid()}.{secrets.token_hex(4)}"
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # fails, instead of replacing, when another process was first
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return Secret(path.read_text().strip())


def _bound_to(project_id: str, row_id: str) -> bytes:
    return f"{project_id}/{row_id}".encode()


def _stretch(key: Secret) -> bytes:
    text = key.reveal()
    if len(text) < _MIN_KEY_CHARS:
        raise ConfigurationError(
            f"Every key in PARLEY_SECRET_KEY needs at least {_MIN_KEY_CHARS} characters; "
            "`openssl rand -hex 32` prints a good one."
        )
    return _scrypt(text)


@functools.lru_cache(maxsize=8)
def _scrypt(text: str) -> bytes:
    """Slow on purpose for who guesses keys; who has one pays for it once a process, also with several servers in it."""
    return hashlib.scrypt(text.encode(), salt=b"parley/secret-key/1", n=2**14, r=8, p=1, dklen=32)


def _key_id(raw: bytes) -> bytes:
    return hashlib.sha256(b"key id" + raw).digest()[:_KEY_ID_BYTES]
