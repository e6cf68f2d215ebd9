"""The command line: quick to answer, one sentence for what is wrong, and keys that open what they should."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from parley.__main__ import cli
from parley.domain.errors import BadInput, ConfigurationError, NotFound, Unauthorized
from parley.services.projects import Projects
from parley.storage.database import Database


def command(database_url: str, folder: Path, *arguments: str) -> Result:
    runner = CliRunner(env={"PARLEY_DATABASE_URL": database_url, "PARLEY_DATA_DIR": str(folder)})
    return runner.invoke(cli, arguments, catch_exceptions=False)


def project_opened_by(database_url: str, key: str) -> str:
    async def authenticate() -> str:
        database = Database(database_url)
        try:
            return await Projects(database).authenticate(key)
        finally:
            await database.close()

    return asyncio.run(authenticate())


def test_the_command_answers_before_anything_heavy_is_imported() -> None:
    heavy = "{'fastapi', 'sqlalchemy', 'pydantic', 'httpx', 'twilio', 'openai', 'deepgram', 'elevenlabs', 'numpy'}"
    script = f"import sys, parley.__main__; print(sorted({heavy} & sys.modules.keys()))"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_help_lists_every_command() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    for name in ("serve", "demo", "migrate", "replay", "doctor", "keys", "projects"):
        assert f"\n  {name}" in shown


def test_a_key_is_made_alone_on_stdout_listed_and_revoked(database_url: str, tmp_path: Path) -> None:
    made = command(database_url, tmp_path, "keys", "create", "--project", "sales")
    key = made.stdout.removesuffix("\n")
    assert key.startswith("sk_live_")
    assert "\n" not in key
    assert project_opened_by(database_url, key)

    listed = command(database_url, tmp_path, "keys", "list").stdout
    assert "sales" in listed
    assert "active" in listed
    assert key not in listed

    command(database_url, tmp_path, "keys", "revoke", listed.split()[0])
    assert "revoked" in command(database_url, tmp_path, "keys", "list").stdout
    with pytest.raises(Unauthorized):
        project_opened_by(database_url, key)
    with pytest.raises(NotFound):
        command(database_url, tmp_path, "keys", "revoke", "sk_live_none")


def test_without_keys_the_list_says_how_to_make_one(database_url: str, tmp_path: Path) -> None:
    assert "parley keys create" in command(database_url, tmp_path, "keys", "list").stdout


def test_migrating_brings_an_empty_database_up_and_twice_is_fine(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="parley migrate"):
        command(empty_database_url, tmp_path, "keys", "list")
    first = command(empty_database_url, tmp_path, "migrate").stdout
    assert first.startswith("The database is at schema ")
    assert command(empty_database_url, tmp_path, "migrate").stdout == first


def test_a_journal_that_cannot_be_read_is_a_sentence(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        command(database_url, tmp_path, "replay", str(tmp_path / "none.jsonl"))
    (tmp_path / "garbage.jsonl").write_text("not a journal\n")
    with pytest.raises(BadInput):
        command(database_url, tmp_path, "replay", str(tmp_path / "garbage.jsonl"))


def test_a_wrong_setting_is_a_sentence_on_stderr_and_not_a_traceback(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": ":".join(sys.path), "PARLEY_PORT": "loud", "PARLEY_DATA_DIR": str(tmp_path)}
    shown = subprocess.run(
        [sys.executable, "-m", "parley", "serve"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr == "parley: PARLEY_PORT should be a valid integer.\n"


def test_a_projects_limits_are_set_shown_and_reset(database_url: str, tmp_path: Path) -> None:
    command(database_url, tmp_path, "keys", "create", "--project", "sales")
    assert command(database_url, tmp_path, "projects", "list").stdout == (
        "sales  numbers default  concurrent calls default  calls a day default  messages a day default  recording off\n"
    )
    options = ("--numbers", "5", "--concurrent-calls", "0", "--messages-a-day", "1000000", "--recording", "on")
    shown = command(database_url, tmp_path, "projects", "set", "sales", *options).stdout
    assert shown == (
        "sales  numbers 5  concurrent calls 0  calls a day default  messages a day 1000000  recording on\n"
    )
    shown = command(database_url, tmp_path, "projects", "set", "sales", "--numbers", "default").stdout
    assert "numbers default  concurrent calls 0" in shown
    assert command(database_url, tmp_path, "projects", "list").stdout == shown


@pytest.mark.parametrize("value", ["-1", "1000001", "many", "", "1.5", "٣", "9" * 5000])
def test_a_limit_that_is_none_is_a_sentence(database_url: str, tmp_path: Path, value: str) -> None:
    command(database_url, tmp_path, "keys", "create", "--project", "sales")
    with pytest.raises(BadInput, match="--numbers should be a number from 0 to 1000000, or default"):
        command(database_url, tmp_path, "projects", "set", "sales", f"--numbers={value}")


def test_what_cannot_be_set_is_a_sentence(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="parley projects list"):
        command(database_url, tmp_path, "projects", "set", "nobody", "--numbers", "1")
    with pytest.raises(BadInput, match="Say what to set"):
        command(database_url, tmp_path, "projects", "set", "nobody")
    with pytest.raises(BadInput, match="on or off"):
        command(database_url, tmp_path, "projects", "set", "nobody", "--recording", "maybe")
