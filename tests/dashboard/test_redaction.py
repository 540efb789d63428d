"""Secrets in jobs, planted everywhere, and looked for in everything that is answered."""

from __future__ import annotations

import re
from contextlib import nullcontext
from itertools import count
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from soniq import Soniq
from soniq.errors import PermanentFailure
from soniq.outcome import Bury, Failure, Reason, Retry
from tests.architecture.sources import SOURCE
from tests.support.clock import FrozenClock
from tests.support.dashboard import SAME_ORIGIN, asking, board_of, dashboard_app, token_of
from tests.support.store import claimed_job, new_job, settle

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
    """Plant secrets wherever jobs, schedules and notes can have some; return ids by kind."""
    soniq.enqueue_middleware(lambda _: nullcontext({"authorization": canary()}))
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


# --- searches -------------------------------------------------------------------------------------

MASKED = (
    "args.pin:1234", "args.user.password.0:hunter2", 'args."api-key":x', "args.apiKey:x",
    "args.birthday:1815",
)  # fmt: skip
# Found by what is masked, though no name says so: in a pair, by a name beside it, within a text.
GUESSES = (
    "args.headers.0.1:hunter2", "args.fields.0.value:hunter2", "args.note:password=hunter2",
    "args.hidden:hunter2", "error:hunter2", "error:password=h", "error:HUNTER",
    "args.max_tokens:x9",
)  # fmt: skip
OPENLY = (
    "args.user.name:Ada", "args.headers.0.0:password", "args.fields.0.name:password",
    "args.price:1.50", "args.note2:plain", "error:denied", "error:PASSWORD", "args.top_tokens:7",
)  # fmt: skip
GIVEN = """{"user": {"name": "Ada", "password": ["hunter2"]}, "pin": 1234, "birthday": 1815,
 "headers": [["password", "hunter2"]], "fields": [{"name": "password", "value": "hunter2"}],
 "note": "password=hunter2", "hidden": "hunter2", "note2": "plain", "price": 1.50,
 "max_tokens": "x9", "top_tokens": 7}"""


@pytest.fixture
async def searched(clock: FrozenClock) -> Starlette:
    """A dashboard of an app with a job and a dead letter that hold the same secrets."""
    soniq = Soniq(backend="memory", clock=clock, redact_keys=["birthday"])
    await soniq.ensure_initialized()
    backend = soniq.backend
    job, other = (new_job(clock, args=GIVEN) for _ in range(2))
    failure = Failure("denied: password=hunter2", "Traceback")
    dead = await claimed_job(backend, job)
    await settle(backend, dead, Bury(Reason.TIMEOUT, failure))
    await settle(backend, await claimed_job(backend, other), Retry(3600, failure))

    def hide(_: str, args: dict[str, Any]) -> dict[str, Any]:
        return args | {"hidden": "…"}

    return dashboard_app(soniq, write=True, redact=hide)


async def found(app: Starlette, words: str) -> tuple[int, int]:
    """Return how many jobs and dead letters a search finds for who sees no secrets."""
    reading = board_of(app).reading
    jobs = await reading.jobs(words, limit=1)
    letters = await reading.letters(words, limit=1)
    preview = await reading.preview(words)
    assert (preview.count, jobs.next, letters.next) == (len(jobs.items), None, None)
    return len(jobs.items), len(letters.items)


@pytest.mark.parametrize("words", MASKED)
async def test_nobody_searches_for_what_is_masked_by_name(searched: Starlette, words: str) -> None:
    """It is refused, on pages, by the API and by actions, and the message says what and why."""
    app = searched
    headers = SAME_ORIGIN | {"x-soniq-csrf": token_of(app)}
    async with asking(app, **headers) as client:
        for path in ("/jobs", "/failures", "/bulk", "/api/jobs", "/api/jobs/search",
                     "/api/dead-letters"):  # fmt: skip
            query = {"q": words} | ({"action": "cancel"} if path == "/bulk" else {})
            answer = await client.get(path, params=query)
            assert (path, answer.status_code) == (path, 400)
            assert "is masked here" in answer.text
        await client.post("/bulk", data={"q": words, "action": "delete"})
    assert board_of(app).operations.list() == []


async def test_nobody_finds_by_what_is_masked(searched: Starlette) -> None:
    """A guess finds nothing, right or wrong; what may be seen is found, as it is written."""
    soniq = board_of(searched).soniq
    for words in GUESSES:
        assert len((await soniq.jobs.search(words)).items) == 1, words
        assert (words, await found(searched, words)) == (words, (0, 0))
    for words in OPENLY:
        assert (words, await found(searched, words)) == (words, (1, 1))


async def test_nothing_is_done_to_what_is_found_by_a_guess(searched: Starlette) -> None:
    """How many it were would tell as much as a list."""
    app = searched
    board = board_of(app)
    async with asking(app, **SAME_ORIGIN, x_soniq_csrf=token_of(app)) as client:
        for words in ("error:hunter2", "error:denied"):
            data = {"q": words, "action": "delete"}
            assert (await client.post("/bulk", data=data)).status_code == 303
            [latest, *_] = board.operations.list()
            assert latest.task is not None
            await latest.task
            assert (words, latest.count) == (words, int(words == "error:denied"))


async def test_pages_of_a_filtered_search_leave_nothing_out(clock: FrozenClock) -> None:
    """Those that a guess would find are passed by; the others follow each other."""
    soniq = Soniq(backend="memory", clock=clock)
    await soniq.ensure_initialized()
    both = [new_job(clock, args=f'{{"note": "{text}"}}')
            for text in ("password=x", "plain") for _ in range(5)]  # fmt: skip
    await soniq.backend.jobs.insert(both[::2] + both[1::2])
    reading = board_of(dashboard_app(soniq)).reading
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await reading.jobs("args.note:plain", limit=2, after=after)
        seen += [job.id for job in page.items]
        after = page.next
        if after is None:
            break
    assert seen == sorted((job.id for job in both[5:]), reverse=True)
