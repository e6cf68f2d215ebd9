"""The first steps of README.md, as it prints them, against a running server whose carrier is simulated.

Every `curl` in the README is run: its lines are read as a shell reads them and sent by another client, so that the
test needs neither a shell nor curl. What `| answer FIELD` takes out of an answer, or out of the first of a list, is put
into the variable before it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.journeys.world import API_KEY, PATIENCE_S, Json, World

README = Path(__file__).parent.parent.parent / "README.md"
CALLEE = "+14155550123"
MY_NUMBER = "+14155550188"


@dataclass
class Step:
    """One curl: what it sends, and which field of the answer goes into which variable."""

    words: list[str]
    variable: str = ""
    taken: str = ""
    method: str = ""
    url: str = ""
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def fill_in(self, variables: dict[str, str]) -> None:
        words = iter([re.sub(r"\$(\w+)", lambda found: variables[found[1]], word) for word in self.words])
        for word in words:
            match word:
                case "-s":
                    pass
                case "-X":
                    self.method = next(words)
                case "-H":
                    name, _, value = next(words).partition(": ")
                    self.headers[name] = value
                case "-d":
                    self.body = next(words)
                case _:
                    assert word.startswith("http"), f"an option of curl this test does not know: {word}"
                    self.url = word
        self.method = self.method or ("GET" if self.body is None else "POST")


def steps(markdown: str) -> Iterator[Step]:
    """Every curl of the shell blocks, in order."""
    for block in re.findall(r"```sh\n(.*?)```", markdown, re.DOTALL):
        if re.search(r"^(?:\w+=\$\()?curl ", block, re.MULTILINE):
            yield from _steps_of(block)


def _steps_of(block: str) -> Iterator[Step]:
    lexer = shlex.shlex(block.replace("\\\n", " "), posix=True, punctuation_chars="()|")
    lexer.whitespace_split = True
    step, variable, is_piped = None, "", False
    for word in lexer:
        if word == "curl":
            if step is not None:
                yield step
            step, variable, is_piped = Step([], variable), "", False
        elif word.endswith("=$"):
            variable = word.removesuffix("=$")
        elif word == "|":
            is_piped = True
        elif word not in "()":
            assert step is not None, f"a command this test does not know: {word}"
            if is_piped and word != "answer":
                step.taken = word
            elif not is_piped:
                step.words.append(word)
    if step is not None:
        yield step


async def test_the_first_steps_work_as_printed(world: World) -> None:
    world.carrier.stock.take(MY_NUMBER)
    phone = world.carrier.phone(CALLEE)
    variables = {
        "PARLEY": world.server.url,
        "KEY": API_KEY,
        "AUTH": f"Authorization: Bearer {API_KEY}",
        "JSON": "Content-Type: application/json",
        "TWILIO_ACCOUNT_SID": world.carrier.account_sid,
        "TWILIO_AUTH_TOKEN": world.carrier.auth_token,
        "MY_NUMBER": MY_NUMBER,
    }
    answers: list[Json] = []
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        for step in steps(README.read_text(encoding="utf-8")):
            step.fill_in(variables)
            answer = await client.request(step.method, step.url, content=step.body, headers=step.headers)
            assert answer.status_code < 300, (step.url, answer.text)
            body: Json = answer.json()
            answers.append(body)
            if step.taken:
                variables[step.variable] = body.get("data", [body])[0][step.taken]
            if step.method == "POST" and step.url.endswith("/v1/calls"):
                await phone.wait_until_connected()
                await phone.wait_until_agent_silent()
                await phone.hang_up()
                await world.ended_call()
            if step.method == "GET" and step.url.endswith(f"/v1/calls/{variables.get('CALL')}"):
                assert body["status"] == "completed"
                assert body["transcript"] == [{"role": "agent", "content": "Hello, how can I help you?"}]
    assert [text.body for text in phone.inbox.texts] == ["See you on Sunday."]
    assert len(answers[-1]["conversations"]) == 3  # the two calls, and the test call


def test_every_curl_of_the_readme_is_run() -> None:
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert len(list(steps(text))) == sum(block.count("curl -s") for block in blocks) >= 24
