"""What operators do: each action does it, notes it once, and leads to the next page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.applications import Starlette

from soniq import Soniq
from soniq.dashboard import actions
from soniq.dashboard.flash import COOKIE
from soniq.dashboard.operations import MOST_KEPT
from soniq.dashboard.problem import UNEXPECTED, UNREACHABLE
from soniq.dashboard.users import User
from soniq.errors import DatabaseUnreachable
from soniq.job import JobStatus
from tests.support.dashboard import (
    NOBODYS_ID,
    asking,
    board_of,
    by_header,
    dashboard_app,
    filled,
    token_of,
)

OLA = User("ola", "operator")
NEXT = "/jobs?q=x"


class Case(NamedTuple):
    """An action that succeeds: its path, its form, and what is noted of it."""

    path: str
    action: str
    target: str
    form: Mapping[str, str] = {}
    begins: bool = False


CASES = [
    Case("/jobs/{queued}/cancel", "jobs.cancel", "{queued}"),
    Case("/jobs/{later}/retry", "jobs.retry", "{later}"),
    Case("/jobs/{done}/clone", "jobs.clone", "{done}"),
    Case("/jobs/{done}/delete", "jobs.delete", "{done}"),
    Case(
        "/bulk", "jobs.cancel", "queue:mail", {"q": "queue:mail", "action": "cancel"}, begins=True
    ),
    Case("/queues/mail/pause", "queues.pause", "mail", {"reason": "too much"}),
    Case("/queues/paused%2Fqueue/resume", "queues.resume", "paused/queue"),
    Case("/dead-letters/{dead}/replay", "dead_letters.replay", "{dead}"),
    Case("/dead-letters/{dead}/delete", "dead_letters.delete", "{dead}"),
    Case("/failures/{print}/replay", "failures.replay", "{print}", {"first": "1"}),
    Case("/failures/{print}/delete", "failures.delete", "{print}", begins=True),
    Case("/schedules/mail.send/run", "schedules.run", "mail.send"),
    Case("/schedules/mail.send/pause", "schedules.pause", "mail.send"),
    Case("/schedules/mail.send/resume", "schedules.resume", "mail.send"),
    Case("/workers/{worker}/quiet", "workers.quiet", "{worker}"),
    Case("/workers/{worker}/resume", "workers.resume", "{worker}"),
    Case("/workers/{worker}/stop", "workers.stop", "{worker}"),
    Case("/operations/{operation}/stop", "operations.stop", "{operation}"),
]
IN_VAIN = [
    f"/jobs/{NOBODYS_ID}/cancel",
    f"/jobs/{NOBODYS_ID}/retry",
    f"/jobs/{NOBODYS_ID}/clone",
    f"/jobs/{NOBODYS_ID}/delete",
    "/jobs/nonsense/delete",
    "/jobs/{done}/cancel",
    "/jobs/{queued}/retry",
    "/queues/mail/resume",
    f"/queues/{'x' * 300}/pause",
    f"/dead-letters/{NOBODYS_ID}/replay",
    f"/dead-letters/{NOBODYS_ID}/delete",
    "/failures/0000000000000000/replay",
    "/schedules/nothing/run",
    "/schedules/nothing/pause",
    "/schedules/nothing/resume",
    f"/workers/{NOBODYS_ID}/quiet",
    f"/workers/{NOBODYS_ID}/stop",
    f"/operations/{NOBODYS_ID}/stop",
]


@pytest.fixture
async def soniq() -> AsyncIterator[Soniq]:
    """An app in memory."""
    async with Soniq(backend="memory") as made:
        yield made


@pytest.fixture
async def ids(soniq: Soniq) -> dict[str, str]:
    """One of each in the app."""
    made = await filled(soniq)
    await soniq.queues.pause("paused/queue", by="test")
    made["print"] = (await soniq.dead_letter.groups()).items[0].fingerprint
    return made


@pytest.fixture
async def app(soniq: Soniq) -> AsyncIterator[Starlette]:
    """A dashboard that may write."""
    made = dashboard_app(soniq, auth=by_header, write=True)
    yield made
    await board_of(made).operations.close()


@pytest.fixture
async def ola(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Ola, who operates: her browser has a page with a form open."""
    headers = {"x_user": "ola operator", "x_soniq_csrf": token_of(app, OLA)}
    async with asking(app, **headers) as client:
        yield client


def message_of(app: Starlette, answer: httpx.Response) -> list[Any]:
    """Return the message that an answer leaves for the next page, and its kind."""
    cookie = answer.cookies.get(COOKIE)
    return [] if cookie is None else board_of(app).signer.unpack("flash ola", cookie)


def test_no_action_is_left_out() -> None:
    """The cases below are all that there is, but for login and logout."""
    paths = {route.path.rpartition("/")[2] for route in actions.ROUTES} - {"login", "logout"}
    assert {case.path.rpartition("/")[2] for case in CASES} == paths
    assert len(CASES) == len(actions.ROUTES) - 2


async def endless(_: object) -> int:
    """Work until stopped."""
    await asyncio.Event().wait()
    return 0


async def test_an_action_is_done_and_noted_once(
    soniq: Soniq, app: Starlette, ids: dict[str, str], ola: httpx.AsyncClient
) -> None:
    """It leads to the next page, says there what was done, and the audit log says by whom."""
    operations = board_of(app).operations
    ids["operation"] = (await operations.start("test", "test", endless, by="test")).id
    for case in CASES:
        before = {entry.id for entry in await soniq.audit.list(limit=1000)}
        answer = await ola.post(case.path.format(**ids), data={**case.form, "next": NEXT})
        notes = [
            entry
            for entry in await soniq.audit.list(limit=1000)
            if entry.id not in before and not entry.action.endswith(".ended")
        ]
        wanted = ("dashboard:ola", case.action, case.target.format(**ids))
        assert [(note.actor, note.action, note.target) for note in notes] == [wanted]
        if case.begins:
            begun = f"/operations/{notes[0].detail['operation']}"
            assert (answer.status_code, answer.headers["location"]) == (303, begun)
        else:
            assert (answer.status_code, answer.headers["location"]) == (303, NEXT)
            assert message_of(app, answer)[1] == "done"


async def test_what_cannot_be_done_is_told_and_not_noted(
    soniq: Soniq, app: Starlette, ids: dict[str, str], ola: httpx.AsyncClient
) -> None:
    """The next page says why; nothing was changed, so nothing is written down."""
    before = await soniq.audit.list()
    for path in IN_VAIN:
        answer = await ola.post(path.format(**ids), data={"next": NEXT, "first": "1"})
        assert (path, answer.status_code, answer.headers["location"]) == (path, 303, NEXT)
        message, kind = message_of(app, answer)
        assert kind == "failed"
        assert len(message) > 10
    assert await soniq.audit.list() == before


async def test_the_actions_act(soniq: Soniq, ids: dict[str, str], ola: httpx.AsyncClient) -> None:
    """What the services do is tested there; here, that each button is wired to its own."""
    await ola.post("/queues/mail/pause", data={"reason": "too much"})
    [pause, _] = await soniq.queues.paused()
    assert (pause.queue, pause.paused_by, pause.reason) == ("mail", "dashboard:ola", "too much")
    await ola.post(f"/jobs/{ids['queued']}/cancel")
    job = await soniq.get_job(ids["queued"])
    assert job is not None
    assert job.status is JobStatus.CANCELLED
    await ola.post(f"/jobs/{ids['done']}/delete")
    assert await soniq.get_job(ids["done"]) is None
    await ola.post(f"/workers/{ids['worker']}/quiet")
    assert {worker.wish for worker in await soniq.workers.list()} >= {"quiet"}
    await ola.post("/schedules/mail.send/pause")
    assert [schedule.status for schedule in await soniq.scheduler.list()] == ["paused"]


async def test_what_came_of_it_is_shown_where_no_page_is_named(
    ids: dict[str, str], ola: httpx.AsyncClient
) -> None:
    """A clone leads to itself; an action without a page of its own to the overview."""
    answer = await ola.post(f"/jobs/{ids['done']}/clone")
    assert answer.headers["location"].startswith("/jobs/")
    assert answer.headers["location"] != f"/jobs/{ids['done']}"
    answer = await ola.post("/queues/mail/pause", data={"next": "//evil.example"})
    assert answer.headers["location"] == "/"


async def settled(app: Starlette, answer: httpx.Response) -> Any:
    """Return the operation that an answer leads to, once it has ended."""
    operation = board_of(app).operations.get(answer.headers["location"].rpartition("/")[2])
    assert operation is not None
    assert operation.task is not None
    await asyncio.wait([operation.task])
    return operation


async def test_many_jobs_are_cancelled_behind_the_browsers_back(
    soniq: Soniq, app: Starlette, ids: dict[str, str], ola: httpx.AsyncClient
) -> None:
    """All that match, not only those on the page; its begin and its end are noted."""
    for number in range(250):
        await soniq.enqueue("mail.send", args={"number": number}, queue="bulk")
    answer = await ola.post("/bulk", data={"q": "queue:bulk", "action": "cancel"})
    operation = await settled(app, answer)
    assert (operation.state, operation.count, operation.expected) == ("done", 250, 250)
    end, begin, *_ = await soniq.audit.list()
    assert (begin.action, end.action) == ("jobs.cancel", "jobs.cancel.ended")
    assert end.detail == {"operation": operation.id, "state": "done", "count": 250}
    assert begin.detail == {"operation": operation.id}


async def test_ticked_jobs_are_met_one_by_one(
    soniq: Soniq, app: Starlette, ids: dict[str, str], ola: httpx.AsyncClient
) -> None:
    """Those that can't be done are left out of the count."""
    form = {"id": [ids["queued"], ids["later"], ids["done"], NOBODYS_ID], "action": "cancel"}
    operation = await settled(app, await ola.post("/bulk", data=form))
    assert (operation.state, operation.count, operation.expected) == ("done", 2, 4)


@pytest.mark.parametrize(
    "form",
    [{"q": "queue:mail"}, {"action": "cancel"}, {"q": "queue:mail", "action": "explode"}],
    ids=str,
)
async def test_half_a_form_does_nothing(form: dict[str, str], ola: httpx.AsyncClient) -> None:
    """Without a search it could be meant for everything: 400."""
    assert (await ola.post("/bulk", data=form)).status_code == 400


async def test_a_try_has_a_size(ola: httpx.AsyncClient) -> None:
    """One to a hundred, or all."""
    for first in ("0", "-1", "x", "101", "1.5", "٣"):
        answer = await ola.post("/failures/00/replay", data={"first": first})
        assert (first, answer.status_code) == (first, 400)


async def test_a_viewer_is_refused_and_logged(
    soniq: Soniq, app: Starlette, ids: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The log says who has tried; the audit log is for what was done."""
    vic = token_of(app, User("vic", "viewer"))
    async with asking(app, x_user="vic viewer", x_soniq_csrf=vic) as client:
        with caplog.at_level(logging.WARNING, "soniq.dashboard"):
            answer = await client.post(f"/jobs/{ids['queued']}/cancel")
    assert answer.status_code == 403
    assert "vic (viewer) was refused: POST" in caplog.text
    assert await soniq.audit.list() == []


async def test_a_lost_database_is_a_problem_of_its_own(
    soniq: Soniq, ola: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 without its words, which may name hosts and users; never a message that it was done."""

    async def away(*_: object) -> bool:
        message = "could not connect to secret-host as secret-user"
        raise DatabaseUnreachable(message)

    monkeypatch.setattr(soniq.jobs, "cancel", away)
    answer = await ola.post(f"/jobs/{NOBODYS_ID}/cancel")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "secret" not in answer.text


async def test_only_a_few_operations_run_at_once(
    soniq: Soniq, app: Starlette, ids: dict[str, str], ola: httpx.AsyncClient
) -> None:
    """The fifth is refused until one has ended; those that ended are remembered."""
    operations = board_of(app).operations
    ending, running = asyncio.Event(), asyncio.Event()

    async def until_told(told: Any) -> int:
        told(7)
        running.set()
        await ending.wait()
        return 8

    begun = [await operations.start("a.b", "c", until_told, by="d") for _ in range(4)]
    form = {"q": "queue:mail", "action": "cancel"}
    assert (await ola.post("/bulk", data=form)).status_code == 429
    await running.wait()
    assert [one.count for one in begun] == [7] * 4
    ending.set()
    await asyncio.wait([one.task for one in begun if one.task])
    assert [(one.count, one.state) for one in operations.list()] == [(8, "done")] * 4
    assert (await ola.post("/bulk", data=form)).status_code == 303


async def test_an_operation_that_fails_says_so(soniq: Soniq, app: Starlette) -> None:
    """Neither what a database says of itself is shown, nor a bug: that is for the log."""
    operations = board_of(app).operations

    async def away(_: object) -> int:
        message = "secret-host does not answer"
        raise DatabaseUnreachable(message)

    async def bug(_: object) -> int:
        message = "secret"
        raise ZeroDivisionError(message)

    for work, words in ((away, UNREACHABLE), (bug, UNEXPECTED)):
        one = await operations.start("a.b", "c", work, by="d")
        assert one.task is not None
        await one.task
        assert (one.state, one.error) == ("failed", words)
        assert (await soniq.audit.list(limit=1))[0].detail["state"] == "failed"


async def test_an_operation_is_stopped_at_any_time(soniq: Soniq, app: Starlette) -> None:
    """Before its first step, too; its end is noted either way."""
    operations = board_of(app).operations
    one = await operations.start("a.b", "c", endless, by="d")
    assert operations.stop(one.id)
    assert one.task is not None
    await one.task
    assert (one.state, operations.stop(one.id)) == ("stopped", False)
    other = await operations.start("a.b", "c", endless, by="d")
    await asyncio.sleep(0)
    await operations.close()
    assert other.state == "stopped"
    assert [entry.action for entry in await soniq.audit.list()] == ["a.b.ended", "a.b"] * 2


async def test_what_cannot_be_noted_is_not_begun(
    soniq: Soniq, app: Starlette, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a note of its begin it does not run; where that of its end fails, the log has it."""
    operations = board_of(app).operations
    one = await operations.start("a.b", "c", endless, by="d")

    async def away(*_: object) -> None:
        message = "nobody answers"
        raise DatabaseUnreachable(message)

    monkeypatch.setattr(soniq.audit, "note", away)
    with pytest.raises(DatabaseUnreachable):
        await operations.start("a.b", "c", endless, by="d")
    assert operations.list() == [one]
    await operations.close()
    assert one.state == "stopped"
    assert "The audit log lacks the end of an operation" in caplog.text


async def test_old_operations_are_forgotten(app: Starlette) -> None:
    """The latest hundred are remembered."""
    operations = board_of(app).operations

    async def none(_: object) -> int:
        return 0

    for _ in range(MOST_KEPT + 3):
        one = await operations.start("a.b", "c", none, by="d")
        assert one.task is not None
        await one.task
    assert len(operations.list()) == MOST_KEPT
    assert operations.list()[0] is one
