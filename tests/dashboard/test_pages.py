"""The pages, asked for in process: what they show, to whom, and what never gets through."""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from soniq import Soniq
from soniq.backends.worker_contract import Vitals, WorkerIdentity
from soniq.job import NewJob
from soniq.outcome import Bury, Complete, Failure, Reason, Retry, Settlement
from tests.support.clock import FrozenClock
from tests.support.dashboard import KEY, SAME_ORIGIN, asking, board_of, dashboard_app, token_of
from tests.support.demo_state import WORKER_IDS, nothing, seed
from tests.support.html import Page, read
from tests.support.store import buried, new_job

PAGES = ("/", "/jobs", "/queues", "/failures", "/schedules", "/workers", "/system")
PROBE = "xss-probe"
# Breaks out of text, of attributes in either quotes, of scripts, styles and comments.
HOSTILE = f"'\"><{PROBE} data-{PROBE}='1'></script></style><!--{{{{919*919}}}}{{% raw %}}"
OF_EACH_KIND = 3
# The report of 2:30 in Paris is due by then, and nobody makes it.
NIGHT = datetime(2026, 1, 2, 2, 30, tzinfo=UTC)


@pytest.fixture
async def shop(clock: FrozenClock) -> Soniq:
    """An app in memory after some hours in a small shop."""
    app = Soniq(backend="memory", clock=clock)
    await seed(app, clock, until=NIGHT, hours=1.5)
    return app


async def get(app: Any, path: str, **headers: str) -> Page:
    """Return a page that must be there."""
    async with asking(app, **headers) as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return read(answer.text)


async def crawl(app: Any, *starts: str) -> dict[str, httpx.Response]:
    """Return the pages that links lead to, by their addresses: a few of each kind."""
    found: dict[str, httpx.Response] = {}
    seen = Counter[str]()
    waiting = deque(starts)
    async with asking(app) as client:
        while waiting:
            path = waiting.popleft()
            seen[kind_of(path)] += 1
            if path in found or seen[kind_of(path)] > OF_EACH_KIND:
                continue
            answer = found[path] = await client.get(path)
            if answer.headers["content-type"].startswith("text/html"):
                links = (link.partition("#")[0] for link in read(answer.text).links)
                waiting += filter(None, links)
    return found


def kind_of(path: str) -> str:
    """Return an address without its ids and words: what it leads to is made by the same code."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12}|(?<==)[^&]*", "…", path)


# --- all pages ------------------------------------------------------------------------------------


async def test_every_link_leads_to_a_page_that_is_well_made(shop: Soniq) -> None:
    """Whatever can be reached is there, well-formed, and named for whoever can't see it."""
    found = await crawl(dashboard_app(shop, write=True), "/")
    assert {path: one.status_code for path, one in found.items() if one.status_code >= 400} == {}
    pages = {path: read(one.text) for path, one in found.items() if one.status_code == 200}
    assert {path: page.complaints() for path, page in pages.items() if page.complaints()} == {}
    kinds = {path.partition("?")[0].split("/")[1] for path in found}
    assert kinds == {"", "jobs", "queues", "failures", "dead-letters", "schedules", "workers",
                     "system", "bulk"}  # fmt: skip


async def test_nothing_stored_becomes_markup(clock: FrozenClock) -> None:
    """Every field that anybody can fill is text on every page, whatever it holds."""
    app = Soniq(backend="memory", clock=clock)
    await plant(app, clock)
    found = await crawl(
        dashboard_app(app, write=True), "/", f"/jobs?q={PROBE}", "/bulk?action=retry"
    )
    assert len(found) > 30
    shown = 0
    for path, answer in found.items():
        page = read(answer.text)
        assert not list(page.all(PROBE)), path
        assert not [one for one in page.elements if f"data-{PROBE}" in one.attributes], path
        assert not [one for one in page.elements if any(n[:2] == "on" for n in one.attributes)], (
            path
        )
        assert not [link for link in page.links if not link.startswith(("/", "#"))], path
        assert "844561" not in answer.text, path
        assert page.complaints() == [] or answer.status_code != 200, path
        shown += PROBE in answer.text
    assert shown > 20


async def plant(app: Soniq, clock: FrozenClock) -> None:
    """Fill every field of every table with something hostile."""
    await app.ensure_initialized()
    backend = app.backend
    args = json.dumps({HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]})
    failure = Failure(HOSTILE, f'Traceback\n  File "{HOSTILE}", line 1, in {HOSTILE}\n{HOSTILE}')
    outcomes = (
        Complete(json.dumps({HOSTILE: HOSTILE}), HOSTILE),
        Retry(60, failure),
        Bury(Reason.TIMEOUT, failure),
        None,
    )
    worker = WorkerIdentity(WORKER_IDS[0], HOSTILE, 1, (HOSTILE,), 2, (HOSTILE,), HOSTILE)
    await backend.workers.register(worker, lease=3600)
    await backend.workers.renew(worker.id, lease=3600, vitals=Vitals(1, 1, 0.1))
    for number, outcome in enumerate(outcomes):
        key = f"{HOSTILE}{number}"
        job = NewJob(clock.new_id(), HOSTILE, HOSTILE, 1, args, 3, unique_key=key)
        await backend.jobs.insert([job])
        [claimed] = await backend.jobs.claim(None, limit=1, worker=worker.id)
        clock.advance(seconds=1)
        if outcome:
            await backend.jobs.settle([Settlement(claimed, outcome)], worker=worker.id)
    await app.queues.pause(HOSTILE, by=HOSTILE, reason=HOSTILE)
    app.job(name="mail.send")(nothing)
    await app.scheduler.add(name="mail.send", every=60, args={HOSTILE: HOSTILE}, queue=HOSTILE)
    await app.audit.note(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE})
    await app.audit.note(HOSTILE, "schedules.run", HOSTILE, {"operation": HOSTILE})


def test_the_reader_sees_what_is_wrong() -> None:
    """The checks can fail: markup that got through, and each flaw, is found."""
    assert list(read(f"<p>{HOSTILE}</p>").all(PROBE))
    for flawed in (
        "<p><b>x</p></b>",
        "<p>x",
        "<p id=a></p><p id=a></p>",
        "<a href=/></a>",
        "<table></table>",
        "<th>x</th>",
        "<input name=q>",
        "<form method=post action=//evil></form>",
        "<p aria-labelledby=nobody></p>",
    ):
        assert len(
            read(f"<html><title>t</title><main><h1>h</h1>{flawed}</main></html>").complaints()
        )


@pytest.mark.parametrize("path", PAGES)
async def test_an_empty_database_has_pages_too(path: str) -> None:
    """Every page says what to do where there is nothing yet."""
    page = await get(dashboard_app(write=True), path)
    assert page.complaints() == []


@pytest.mark.parametrize("path", PAGES)
async def test_titles_say_page_and_failing_count(shop: Soniq, path: str) -> None:
    """A tab that is not looked at says how much is dead, and so does its icon."""
    page = await get(dashboard_app(shop), path)
    dead = (await shop.queues.list()) and sum(
        standing.dead_letter for standing in await shop.queues.list()
    )
    assert page.one("title").text == f"({dead}) {page.one('h1').text.strip()} · Soniq"
    assert "failing" in page.one("link", rel="icon")["href"]
    assert page.one("a", aria_current="page")["href"] == path


async def test_a_mounted_dashboard_stays_under_its_path(shop: Soniq) -> None:
    """Links, forms, files and the stream begin with the path that it is mounted at."""
    site = Starlette(routes=[Mount("/ops/jobs", dashboard_app(shop, write=True))])
    found = await crawl(site, "/ops/jobs/")
    assert len(found) > 15
    for answer in found.values():
        page = read(answer.text)
        for element in page.elements:
            for name in ("href", "src", "action", "hx-get", "hx-sse:connect"):
                where = element[name]
                assert not where or where.startswith(("/ops/jobs/", "#")), element
        for field in page.all("input", name="next"):
            assert field["value"].startswith("/ops/jobs/")


async def test_a_fragment_is_the_main_part_alone(shop: Soniq) -> None:
    """Pages that follow what happens ask for that, and for the title and the count of failures."""
    app = dashboard_app(shop)
    async with asking(app) as client:
        whole = await client.get("/queues")
        part = await client.get("/queues", headers={"hx-request": "true"})
    assert whole.headers["vary"] == part.headers["vary"] == "HX-Request"
    page = read(part.text)
    assert page.flaws == []
    assert [one.tag for one in page.elements if not one.inside] == ["title", "span", "main"]
    assert page.one("span", id="failing")["hx-swap-oob"] == "true"
    assert page.one("main").text == read(whole.text).one("main").text
    assert page.one("main")["hx-trigger"] == "tick from:#live throttle:1s"


# --- who sees what --------------------------------------------------------------------------------


async def test_who_may_not_write_sees_no_forms(shop: Soniq) -> None:
    """Neither a viewer, nor anybody where writing is off."""
    for app, headers in (
        (dashboard_app(shop, write=False), {}),
        (dashboard_app(shop, write=True, auth=lambda _: "viewer"), {}),
    ):
        for path in (*PAGES, *(await ids_of(shop)).values()):
            page = await get(app, path, **headers)
            assert not list(page.all("form", method="post")), path
            assert not list(page.all("a", class_="button danger")), path


async def ids_of(shop: Soniq) -> dict[str, str]:
    """Return the addresses of one of each."""
    [job, *_] = await shop.jobs.list(status="queued")
    [letter, *_] = await shop.dead_letter.list(limit=1)
    [group, *_] = (await shop.dead_letter.groups()).items
    return {
        "job": f"/jobs/{job.id}",
        "dead letter": f"/dead-letters/{letter.id}",
        "failure": f"/failures/{group.fingerprint}",
        "schedule": "/schedules/reports.daily",
        "bulk": "/bulk?action=cancel&q=state:queued",
    }


async def test_every_form_carries_the_token_and_the_way_back(shop: Soniq) -> None:
    """With them an action is done without a script, and leads back to where one was."""
    app = dashboard_app(shop, write=True)
    for path in (*PAGES, *(await ids_of(shop)).values()):
        page = await get(app, path)
        forms = len(list(page.all("form", method="post")))
        assert len(list(page.all("input", name="csrf"))) == forms, path
        ways = [field["value"] for field in page.all("input", name="next")]
        assert len(ways) == forms, path
        assert all(way.startswith("/") for way in ways), path


async def test_secrets_in_arguments_are_shown_nowhere(clock: FrozenClock) -> None:
    """What the function given as ``redact`` hides is on no page."""
    app = Soniq(backend="memory", clock=clock)
    canary = "canary-4711"
    app.job(name="mail.send")(nothing)
    app.job(name="mail.broken", retries=0)(fail)
    secret = {"token": canary, "to": "ana"}
    await app.enqueue("mail.send", args=secret)
    await app.enqueue("mail.broken", args=secret)
    await app.run_worker(run_once=True)
    await app.enqueue("mail.send", args=secret, scheduled_at=60)
    await app.scheduler.add(name="mail.send", every=60, args=secret)

    def redact(name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**arguments, "token": "hidden"}

    found = await crawl(dashboard_app(app, write=True, redact=redact), "/", "/bulk?action=retry")
    assert not [path for path, answer in found.items() if canary in answer.text]
    assert len([path for path, answer in found.items() if "hidden" in answer.text]) > 5


def fail(**arguments: Any) -> None:
    """Stand for a task that is broken."""
    message = "broken"
    raise RuntimeError(message)


async def test_the_login_asks_for_the_key() -> None:
    """Whoever is unknown sees the form alone, which leads on to a page of this dashboard."""
    app = dashboard_app(api_key=KEY)
    page = await get(app, "/login?next=/jobs")
    assert page.complaints() == []
    assert page.one("input", name="next")["value"] == "/jobs"
    assert page.one("input", name="key")["type"] == "password"
    assert not list(page.all("nav"))
    assert (await get(app, "/login?next=//evil.example")).one("input", name="next")["value"] == ""


async def test_problems_are_pages_too(shop: Soniq) -> None:
    """What is not there says so, with the way on."""
    async with asking(dashboard_app(shop)) as client:
        for path in ("/jobs/nothing", "/dead-letters/x", "/failures/x", "/schedules/x",
                     "/operations/x", "/nothing", "/login"):  # fmt: skip
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert read(answer.text).complaints() == [], path
        assert (await client.get("/bulk?action=burn")).status_code == 400


# --- jobs -----------------------------------------------------------------------------------------


async def test_pages_of_a_list_follow_each_other(shop: Soniq) -> None:
    """Each leads to the next by the last id of it, search and columns kept."""
    app = dashboard_app(shop)
    path, seen = "/jobs?q=state:done&columns=id", 0
    ids: set[str] = set()
    while path:
        page = await get(app, path)
        rows = [link["title"] for link in page.all("a", class_="id")]
        seen, ids = seen + len(rows), ids | set(rows)
        path = next((link["href"] for link in page.all("a", rel="next")), "")
        assert not path or "columns=task%2Cid" in path
    done = await shop.jobs.list(status="done", limit=10_000)
    assert ids == {job.id for job in done}
    assert seen == len(done) > 100


async def test_a_search_that_can_not_be_read_is_told(shop: Soniq) -> None:
    """It stays in the field, with what is wrong about it."""
    async with asking(dashboard_app(shop)) as client:
        for path in ("/jobs?q=colour:red", "/failures?q=colour:red"):
            answer = await client.get(path)
            page = read(answer.text)
            assert answer.status_code == 400
            assert "colour" in page.one("p", role="alert").text
            assert page.one("input", id="q")["value"] == "colour:red"
            assert page.complaints() == []


async def test_searches_suggest_what_there_is(shop: Soniq) -> None:
    """States, queues and tasks; not again what the search has already."""
    page = await get(dashboard_app(shop), "/jobs?q=state:done")
    hints = {option["value"] for option in page.all("option")}
    assert {"state:done queue:mail", "state:done task:mail.send_receipt"} <= hints
    assert not [hint for hint in hints if hint.count("state:") > 1]


async def test_a_job_shows_all_that_is_known(shop: Soniq, clock: FrozenClock) -> None:
    """Attempts, arguments with exact numbers, the reason why it stands as it does."""
    number = 2**63 + 1
    args = {"order_id": number, "to": "ana"}
    job_id = await shop.enqueue("mail.send_receipt", args=args, queue="mail", priority=1)
    await shop.backend.jobs.claim(("mail",), limit=1, worker=WORKER_IDS[1])
    page = await get(dashboard_app(shop, write=True), f"/jobs/{job_id}")
    main = page.one("main").text
    assert str(number) in main
    assert "running" in page.one("h1").text
    assert "web-2" in main
    assert f"soniq jobs cancel {job_id}" in main
    assert len(list(page.all("svg"))) == 1
    assert page.one("main")["hx-trigger"] == "tick from:#live throttle:1s, every 5s"
    assert page.one("span", id="live")["hx-sse:connect"] == f"/live?job={job_id}&since=0"


async def test_headers_are_shown_where_there_are_any(clock: FrozenClock) -> None:
    """What travels with a job, such as the context of a trace: of jobs and of dead letters."""
    soniq = Soniq(backend="memory", clock=clock)
    await soniq.ensure_initialized()
    given = {"traceparent": "00-aa-bb-01", "authorization": "Bearer x", HOSTILE: HOSTILE}
    headers = json.dumps(given)
    dead = await buried(soniq.backend, new_job(clock, headers=headers))
    waiting, bare = new_job(clock, headers=headers), new_job(clock)
    await soniq.backend.jobs.insert([waiting, bare])
    app = dashboard_app(soniq)
    for path in (f"/jobs/{waiting.id}", f"/dead-letters/{dead.id}"):
        page = await get(app, path)
        section = page.one("section", **{"aria-labelledby": "headers"}).text
        assert "00-aa-bb-01" in section
        assert "Bearer x" not in section
        assert section.count(HOSTILE) == 2
        assert not list(page.all(PROBE))
    page = await get(app, f"/jobs/{bare.id}")
    assert not list(page.all("section", **{"aria-labelledby": "headers"}))


async def test_a_job_knows_its_neighbours_in_the_list(shop: Soniq) -> None:
    """Those that the search finds beside it, also across the pages of the list."""
    app = dashboard_app(shop)
    jobs = await shop.jobs.list(status="done", limit=60)
    for place in (0, 1, 49, 55):
        page = await get(app, f"/jobs/{jobs[place].id}?q=state:done")
        older = page.one("a", rel="next")["href"]
        assert older == f"/jobs/{jobs[place + 1].id}?q=state%3Adone"
        newer = [link["href"] for link in page.all("a", rel="prev")]
        known = 0 < place < 50
        assert newer == ([f"/jobs/{jobs[place - 1].id}?q=state%3Adone"] if known else [])


async def test_a_job_that_has_died_leads_to_its_dead_letter(shop: Soniq) -> None:
    """An old link still finds it."""
    [letter] = await shop.dead_letter.list(limit=1)
    async with asking(dashboard_app(shop)) as client:
        answer = await client.get(f"/jobs/{letter.id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/dead-letters/{letter.id}")


async def test_what_ends_for_good_is_asked_about_first(shop: Soniq) -> None:
    """The question is a page of its own; the form in it leads away from what is no more."""
    app = dashboard_app(shop, write=True)
    where = await ids_of(shop)
    for path, action in (
        (f"{where['job']}?confirm=delete", f"{where['job']}/delete"),
        (f"{where['dead letter']}?confirm=delete", f"{where['dead letter']}/delete"),
        (f"{where['failure']}?confirm=delete", f"{where['failure']}/delete"),
        (f"{where['failure']}?confirm=replay", f"{where['failure']}/replay"),
        ("/queues?confirm=pause&queue=mail", "/queues/mail/pause"),
        (f"/workers?confirm=stop&worker={WORKER_IDS[0]}", f"/workers/{WORKER_IDS[0]}/stop"),
    ):
        page = await get(app, path)
        assert len(list(page.all("form", action=action))) == 1, path
        assert "hx-trigger" not in page.one("main").attributes
        assert not [f for f in page.all("input", name="next") if "confirm" in f["value"]]


async def test_many_jobs_are_previewed_before_anything_happens(shop: Soniq) -> None:
    """How many, in which queues, and some of them; then one form begins with it."""
    app = dashboard_app(shop, write=True)
    count = (await shop.jobs.preview("state:queued queue:billing")).count
    page = await get(app, "/bulk?action=cancel&q=state:queued+queue:billing")
    assert page.one("h1").text == f"Cancel {count} jobs?"
    assert f"billing ({count})" in page.one("main").text
    async with asking(app) as client:
        form = {"csrf": token_of(app), "action": "cancel", "q": "state:queued queue:billing"}
        answer = await client.post("/bulk", data=form, headers=SAME_ORIGIN)
        assert answer.status_code == 303
        [operation] = board_of(app).operations.list()
        assert operation.task is not None
        await operation.task
        shown = await client.get(answer.headers["location"])
    assert read(shown.text).complaints() == []
    assert "Cancel jobs" in read(shown.text).one("h1").text
    assert f"{count} jobs in" in read(shown.text).one("main").text


async def test_ticked_jobs_are_those_that_are_meant(shop: Soniq) -> None:
    """They are listed one by one, and the form names them instead of a search."""
    jobs = await shop.jobs.list(status="queued", limit=2)
    ticks = "&".join(f"id={job.id}" for job in jobs)
    page = await get(dashboard_app(shop, write=True), f"/bulk?action=delete&q=&{ticks}&id=gone")
    assert page.one("h1").text == "Delete 2 jobs?"
    named = [one["value"] for one in page.all("input", name="id")]
    assert named == [*(job.id for job in jobs), "gone"]
    assert not list(page.all("input", name="q", type="hidden"))


# --- the others -----------------------------------------------------------------------------------


async def test_the_overview_says_what_is_wrong(shop: Soniq) -> None:
    """Queues that nobody serves, pauses, workers that are gone."""
    page = await get(dashboard_app(shop), "/")
    alarms = page.one("ul", class_="alarms").text
    assert "No worker serves the queue reports" in alarms
    assert "The queue billing is paused by dashboard:ana (card provider is down)" in alarms
    assert "1 worker stopped answering" in alarms


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
async def test_the_chart_is_a_table_for_who_can_not_see_it(shop: Soniq, window: str) -> None:
    """It has every step in which something ended, and where the axis begins."""
    page = await get(dashboard_app(shop), f"/?window={window}")
    body = next(one for one in page.all("tbody") if one["data-steps"])
    rows = [int(row["data-at"]) for row in page.all("tr") if row["data-at"]]
    begin, step, steps = (int(body[f"data-{name}"]) for name in ("from", "step", "steps"))
    assert rows
    assert all((at - begin) % step == 0 and 0 <= (at - begin) // step < steps for at in rows)
    done = [int(cell["data-value"]) for cell in page.all("td") if cell["data-value"]][::2]
    shown = page.one("main").text
    assert f"{sum(done):,}".replace(",", "\u202f") in shown


async def test_schedules_tell_their_next_runs(shop: Soniq) -> None:
    """In words, in their zone, with what the clocks do, and what has become of the last ones."""
    page = await get(dashboard_app(shop), "/schedules/reports.daily")
    main = page.one("main").text
    assert "At 02:30" in main
    assert main.count("02:30:00 CET") == 5
    assert "Europe/Paris" in main


@pytest.mark.parametrize(
    "odd", [{"cron": "every full moon"}, {"cron": "0 9 * *"}, {"timezone": "Mars/Olympus"}], ids=str
)
async def test_a_schedule_of_another_computer(
    shop: Soniq, odd: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose zone or cron string is not known here is shown as it stands, among the others."""
    schedules = shop.backend.schedules
    every = [replace(one, **odd) if one.cron else one for one in await schedules.find()]

    async def find(**_: Any) -> Any:
        return every

    async def find_one(name: str) -> Any:
        return next(one for one in every if one.name == name)

    monkeypatch.setattr(schedules, "find", find)
    monkeypatch.setattr(schedules, "get", find_one)
    app = dashboard_app(shop)
    assert "reports.daily" in (await get(app, "/schedules")).one("main").text
    page = await get(app, "/schedules/reports.daily")
    assert "This computer can't tell" in page.one("main").text
    assert next(iter(odd.values())) in page.one("main").text


async def test_workers_tell_what_they_run(shop: Soniq) -> None:
    """Each with its slots, how late its loop is, and the jobs that it has."""
    page = await get(dashboard_app(shop, write=True), "/workers")
    assert [one["aria-label"] for one in page.all("section", class_="worker")] == [
        "Worker web-1, process 2211",
        "Worker web-2, process 1874",
        "Worker batch-1, process 990",
        "Worker batch-2, process 991",
    ]
    assert "Workers of different versions" in page.one("main").text
    assert len(list(page.all("form", action=f"/workers/{WORKER_IDS[2]}/resume"))) == 1


async def test_failures_are_replayed_a_few_first(clock: FrozenClock) -> None:
    """A kind of which there are many offers to replay five as a try."""
    app = Soniq(backend="memory", clock=clock)
    await app.ensure_initialized()
    for _ in range(6):
        await buried(app.backend, new_job(clock))
    [group] = (await app.dead_letter.groups()).items
    page = await get(dashboard_app(app, write=True), f"/failures/{group.fingerprint}")
    assert page.one("input", name="first")["value"] == "5"
    assert len(list(page.all("tr", data_row=""))) == 6


async def test_the_system_page_lists_who_did_what(shop: Soniq) -> None:
    """With links to what it was done to; findings stand under their ids."""
    page = await get(dashboard_app(shop, write=True), "/system")
    assert "dashboard:ana" in page.one("main").text
    assert "card provider is down" in page.one("main").text
    assert [link for link in page.links if link.startswith("/dead-letters/")]
