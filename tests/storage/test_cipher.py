"""Sealing, opening, rotating, and noticing what was moved or changed."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.errors import ConfigurationError
from parley.domain.secrets import Secret
from parley.domain.webhooks import sign
from parley.storage.cipher import Cipher, secret_key_in

OLD, NEW = Secret("the-earlier-key"), Secret("the-newer-key")
CIPHER = Cipher([NEW])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens_in_its_place(text: str) -> None:
    assert CIPHER.open(CIPHER.seal(Secret(text), "proj_1", "cred_1"), "proj_1", "cred_1").reveal() == text


@pytest.mark.parametrize("place", [("proj_2", "cred_1"), ("proj_1", "cred_2"), ("proj_1/cred_1", ""), ("", "")])
def test_a_ciphertext_in_another_place_does_not_open(place: tuple[str, str]) -> None:
    sealed = CIPHER.seal(Secret("key"), "proj_1", "cred_1")

    with pytest.raises(ConfigurationError):
        CIPHER.open(sealed, *place)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_ciphertext_does_not_open(position: int, flip: int) -> None:
    sealed = bytearray(CIPHER.seal(Secret("key"), "proj_1", "cred_1"))
    sealed[position % len(sealed)] ^= flip

    with pytest.raises(ConfigurationError):
        CIPHER.open(bytes(sealed), "proj_1", "cred_1")


@given(st.binary(max_size=64))
def test_any_other_bytes_are_refused(junk: bytes) -> None:
    with pytest.raises(ConfigurationError):
        CIPHER.open(junk, "proj_1", "cred_1")


def test_the_same_secret_never_looks_the_same() -> None:
    assert CIPHER.seal(Secret("key"), "p", "r") != CIPHER.seal(Secret("key"), "p", "r")


def test_after_a_rotation_the_old_opens_and_the_new_seals() -> None:
    before = Cipher([OLD]).seal(Secret("key"), "p", "r")
    rotated = Cipher.from_setting(Secret("the-newer-key, the-earlier-key"))

    assert rotated.open(before, "p", "r").reveal() == "key"
    assert CIPHER.open(rotated.seal(Secret("key"), "p", "r"), "p", "r").reveal() == "key"
    with pytest.raises(ConfigurationError, match="PARLEY_SECRET_KEY"):
        CIPHER.open(before, "p", "r")


@pytest.mark.parametrize("setting", ["", " , ", "short"])
def test_a_missing_or_short_key_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="PARLEY_SECRET_KEY"):
        Cipher.from_setting(Secret(setting))


def test_a_projects_signing_secret_is_its_own_and_stays() -> None:
    mine, again, theirs = (CIPHER.signing_secret(name).reveal() for name in ("proj_1", "proj_1", "proj_2"))

    assert mine == again != theirs
    assert sign(Secret(mine), "evt_1", 0, b"{}")


def test_the_kept_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    with ThreadPoolExecutor() as threads:
        keys = {key.reveal() for key in threads.map(lambda _: secret_key_in(folder), range(16))}

    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["secret.key"]
