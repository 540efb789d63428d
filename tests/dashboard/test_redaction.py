"""Secrets in jobs, planted everywhere, and looked for in everything that is answered."""

from __future__ import annotations

import re
from itertools import count

import pytest
from starlette.routing import Route

from soniq import Soniq
from soniq.errors import PermanentFailure
from tests.architecture.sources import SOURCE
from tests.support.dashboard import asking, board_of, dashboard_app

NAMES = (
    "password", "db_password", "secret", "client_secret", "token", "accessToken", "refresh_token",
    "api_key", "apiKey", "X-API-Key", "private_key", "authorization", "cookie", "cvv",
)  # fmt: skip
NUMBERS = count(1)
UNREAD = re.compile(
    r"soniq\.(jobs|dead_letter|audit\.list|workers\.running|scheduler\.(list|get))\b|\b(letters|jobs)\.get\("
)


def canary() -> str:
    """Return a secret that stands nowhere else."""
    return f"CANARY{next(NUMBERS):03}"


def take(**values: object) -> dict[str, object]:
    """Return what was given, as a result."""
    return values


def lose(message: str) -> None:
    """Fail with a message that says too much."""
    raise PermanentFailure(message)


def stumble(message: str) -> None:
    """Fail, to be tried again."""
    raise ValueError(message)


async def planted(soniq: Soniq) -> dict[str, list[str]]:
    """Plant secrets in arguments, results, errors, schedules and notes; return ids by kind."""
    soniq.job(name="take.all")(lambda given: take(given=given))
    soniq.job(name="lose.it")(lose)
    soniq.job(name="stumble.on", retry_delay=3600)(stumble)
    ids: dict[str, list[str]] = {"id": [], "dead": []}
    for name in NAMES:
        given = {name: canary(), "deep": [{"x": {name: canary()}}], "list": [[name, canary()]]}
        ids["id"].append(await soniq.enqueue("take.all", args={"given": given}))
        text = f"could not log in: {name}={canary()}, {{'{name}': '{canary()}'}}"
        ids["id"].append(await soniq.enqueue("stumble.on", args={"message": text}))
        ids["dead"].append(await soniq.enqueue("lose.it", args={"message": text}))
    await soniq.run_worker(run_once=True)
    ids["id"].append(await soniq.enqueue("take.all", args={"given": {"password": canary()}}))
    await soniq.scheduler.add(name="take.all", every=60, args={"given": {"token": canary()}})
    await soniq.audit.note("cli:ana", "jobs.cancel", f"args.token:{canary()}", {"secret": canary()})
    return ids


@pytest.fixture
async def soniq() -> Soniq:
    """An app in memory."""
    return Soniq(backend="memory")


async def test_no_secret_is_answered(soniq: Soniq) -> None:
    """On no page and in no document: each address that can be read, of every job that there is."""
    ids = await planted(soniq)
    app = dashboard_app(soniq, write=True)
    board_of(app).live.close()
    groups = (await soniq.dead_letter.groups()).items
    values = {
        "id": [*ids["id"], *ids["dead"]],
        "name": ["take.all"],
        "fingerprint": [group.fingerprint for group in groups],
        "file": ["x"],
    }
    paths = {"/jobs?q=", "/jobs?q=&columns=args", "/failures?q=lose", "/bulk?q=&action=retry"}
    for route in app.routes:
        assert isinstance(route, Route)
        if "GET" in (route.methods or ()):
            names = list(route.param_convertors)
            for value in values[names[0]] if names else [""]:
                paths.add(route.path_format.format(**dict.fromkeys(names, value)))
    assert len(paths) > 150
    seen = 0
    async with asking(app) as client:
        for path in sorted(paths):
            answer = await client.get(path)
            assert answer.status_code < 500 or path == "/live", path
            found = re.findall(r"CANARY\d+", answer.text)
            assert (path, found) == (path, [])
            seen += answer.text.count("redacted]")
    # The check can fail: what was planted would have been shown, were it not hidden.
    assert seen > 300
    assert next(NUMBERS) > 30


def test_nothing_is_read_past_the_redactor() -> None:
    """Pages and API read jobs, dead letters, schedules and notes by ``reading`` alone."""
    folders = (SOURCE / "dashboard" / "pages", SOURCE / "dashboard" / "api")
    strays = [
        f"{path.name}: {line.strip()}"
        for folder in folders
        for path in folder.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if UNREAD.search(line)
    ]
    assert strays == []


@pytest.mark.parametrize("line", ["dashboard.soniq.jobs.get(x)", "soniq.audit.list()"])
def test_a_stray_is_found(line: str) -> None:
    """The check can fail."""
    assert UNREAD.search(line)
