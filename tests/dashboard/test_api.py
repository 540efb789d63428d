"""The JSON API, on all three backends: what services know, as documents; and what it refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from soniq import Soniq
from soniq.dashboard.users import LOCAL
from soniq.errors import DatabaseUnreachable
from tests.conftest import MakeApp
from tests.support.dashboard import (
    NOBODYS_ID,
    SAME_ORIGIN,
    asking,
    board_of,
    by_header,
    dashboard_app,
    filled,
)

LARGE = 2**53 + 1
PATHS = (
    "/api/stats",
    "/api/jobs",
    "/api/jobs/types",
    "/api/jobs/timeline",
    "/api/jobs/search?q=mail",
    "/api/queues",
    "/api/workers",
    "/api/workers/stats",
    "/api/dead-letters",
    "/api/failures",
    "/api/schedules",
    "/api/audit",
    "/api/system/health",
)


@pytest.fixture
async def soniq(make_app: MakeApp) -> Soniq:
    """An app on each backend."""
    return make_app()


@pytest.fixture
async def client(soniq: Soniq) -> AsyncIterator[httpx.AsyncClient]:
    """A program on the same computer, without a key."""
    app = dashboard_app(soniq, write=True, redact=redacted)
    async with asking(app) as made:
        yield made
    await board_of(app).operations.close()


def takes(number: int, secret: str) -> None:
    """Do nothing."""


def redacted(_: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hide what is called secret."""
    return {name: "***" if name == "secret" else value for name, value in arguments.items()}


async def items(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """Return the items of a list."""
    answer = await client.get(path)
    assert (path, answer.status_code) == (path, 200)
    assert answer.headers["content-type"] == "application/json"
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_what_services_know_is_there(soniq: Soniq, client: httpx.AsyncClient) -> None:
    """Jobs, dead letters, failures, queues, workers, schedules, figures: one of each is found."""
    ids = await filled(soniq)
    for path in PATHS:
        assert (path, (await client.get(path)).status_code) == (path, 200)
    jobs = await items(client, "/api/jobs?q=queue:mail&limit=2")
    assert [job["id"] for job in jobs] == [ids["later"], ids["queued"]]
    page = (await client.get("/api/jobs?q=queue:mail&limit=2")).json()
    rest = await items(client, f"/api/jobs?q=queue:mail&limit=2&after={page['next']}")
    assert [job["id"] for job in rest] == [ids["done"]]
    job = await soniq.get_job(ids["done"])
    assert job is not None
    expected = dict(job) | {
        name: job[name].isoformat()
        for name in ("scheduled_at", "created_at", "started_at", "finished_at")
    }
    assert (await client.get(f"/api/jobs/{ids['done']}")).json() == expected
    assert (await client.get(f"/api/jobs/{ids['later']}/why")).json()["code"] == "scheduled"
    letters = await items(client, "/api/dead-letters")
    assert {letter["id"] for letter in letters} == {ids["dead"], ids["dead too"]}
    [failure] = (await client.get("/api/failures")).json()["items"]
    assert (failure["count"], failure["job_name"]) == (2, "mail.break")
    [queue] = await items(client, "/api/queues")
    assert (queue["due"], queue["later"], queue["dead_letter"]) == (1, 1, 2)
    workers = await items(client, "/api/workers")
    assert ids["worker"] in {worker["id"] for worker in workers}
    assert (await client.get("/api/workers/stats")).json()["alive"] >= 1
    [schedule] = await items(client, "/api/schedules")
    assert (schedule["name"], schedule["every"]) == ("mail.send", 3600)
    types = {one["name"]: one["figures"] for one in await items(client, "/api/jobs/types")}
    assert (types["mail.send"]["completed"], types["mail.break"]["buried"]) == (1, 2)
    bins = await items(client, "/api/jobs/timeline?window=600&step=60&task=mail.break")
    assert sum(one["figures"]["failed"] for one in bins) == 2
    stats = (await client.get("/api/stats")).json()
    assert (stats["total"]["completed"], stats["by_queue"]["mail"]["buried"]) == (1, 2)


async def test_what_is_done_is_noted(soniq: Soniq, client: httpx.AsyncClient) -> None:
    """Cancel, retry, delete, replay: by the token of any answer, each with its entry."""
    ids = await filled(soniq)
    token = (await client.get("/api/stats")).headers["x-soniq-csrf"]
    headers = SAME_ORIGIN | {"x-soniq-csrf": token}
    calls = [
        ("POST", f"/api/jobs/{ids['later']}/retry", "jobs.retry"),
        ("POST", f"/api/jobs/{ids['later']}/cancel", "jobs.cancel"),
        ("DELETE", f"/api/jobs/{ids['later']}", "jobs.delete"),
        ("POST", f"/api/dead-letters/{ids['dead']}/replay", "dead_letters.replay"),
        ("DELETE", f"/api/dead-letters/{ids['dead']}", "dead_letters.delete"),
    ]
    for method, path, action in calls:
        assert (await client.request(method, path)).status_code == 403
        answer = await client.request(method, path, headers=headers)
        assert (path, answer.status_code) == (path, 200)
        assert answer.json()["action"] == action
    noted = await items(client, "/api/audit")
    assert [entry["action"] for entry in noted] == [action for _, _, action in reversed(calls)]
    assert {entry["actor"] for entry in noted} == {LOCAL.actor}
    page = (await client.get("/api/audit?limit=3")).json()
    assert page["next"] == noted[2]["id"]
    assert await items(client, f"/api/audit?after={page['next']}") == noted[3:]
    # Once done, it can't be done again.
    for method, path, _ in calls[1:3] + calls[4:]:
        assert (await client.request(method, path, headers=headers)).status_code == 404
    done = f"/api/jobs/{ids['done']}/cancel"
    assert (await client.post(done, headers=headers)).status_code == 409


async def test_an_id_that_is_none_is_not_found(client: httpx.AsyncClient) -> None:
    """A problem with status 404, whatever it looks like, and never one of the database."""
    token = (await client.get("/api/stats")).headers["x-soniq-csrf"]
    calls = [
        ("GET", "/api/jobs/{}"),
        ("GET", "/api/jobs/{}/why"),
        ("POST", "/api/jobs/{}/cancel"),
        ("POST", "/api/jobs/{}/retry"),
        ("DELETE", "/api/jobs/{}"),
        ("POST", "/api/dead-letters/{}/replay"),
        ("DELETE", "/api/dead-letters/{}"),
    ]
    for odd in (NOBODYS_ID, "nonsense", "%00", "a%2Fb", "%ED%A0%80", "é", "x" * 5000):
        for method, pattern in calls:
            path = pattern.format(odd)
            answer = await client.request(method, path, headers={"x-soniq-csrf": token})
            assert (method, path, answer.status_code) == (method, path, 404)
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert (problem["status"], problem["title"]) == (404, "Not Found")


async def test_numbers_are_exact_and_secrets_hidden(
    soniq: Soniq, client: httpx.AsyncClient
) -> None:
    """2⁵³ + 1 is no other number; what is called secret is not shown, in lists neither."""
    soniq.job(name="a.b")(takes)
    job_id = await soniq.enqueue("a.b", args={"number": LARGE, "secret": "canary"})
    for path in (f"/api/jobs/{job_id}", "/api/jobs", "/api/jobs/search?q=a.b"):
        answer = await client.get(path)
        assert str(LARGE) in answer.text
        assert "canary" not in answer.text


async def test_a_search_that_means_nothing_is_told(client: httpx.AsyncClient) -> None:
    """With 400, and the word that is not known."""
    answer = await client.get("/api/jobs", params={"q": "stat:queued"})
    assert answer.status_code == 400
    assert "stat" in answer.json()["detail"]
    assert answer.json()["code"] == "SONIQ_SEARCH_INVALID"
    answer = await client.get("/api/dead-letters", params={"limit": "201"})
    assert answer.status_code == 400


class TestInMemory:
    """What no database has a say in."""

    @pytest.fixture
    def backend_kind(self) -> str:
        """Give the one backend that costs nothing."""
        return "memory"

    async def test_a_database_that_is_away_is_one_problem(
        self, soniq: Soniq, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """503 on every address, as JSON or as a page, without what the driver has said."""

        async def away(*_: object, **__: object) -> None:
            message = "could not connect to secret-host as secret-user"
            raise DatabaseUnreachable(message)

        monkeypatch.setattr(soniq, "ensure_initialized", away)
        for service in (soniq.jobs, soniq.dead_letter, soniq.queues, soniq.workers, soniq.stats):
            monkeypatch.setattr(service, "_ready", away)
        for path in ("/api/stats", "/api/jobs", f"/api/jobs/{NOBODYS_ID}", "/", "/queues"):
            answer = await client.get(path)
            assert (path, answer.status_code) == (path, 503)
            assert answer.headers["retry-after"] == "5"
            assert "secret" not in answer.text

    async def test_methods_that_an_address_lacks_are_named(self, client: httpx.AsyncClient) -> None:
        """405 with all that it has."""
        token = (await client.get("/api/stats")).headers["x-soniq-csrf"]
        answer = await client.put(f"/api/jobs/{NOBODYS_ID}", headers={"x-soniq-csrf": token})
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "DELETE"}

    async def test_a_viewer_gets_no_token(self, soniq: Soniq) -> None:
        """Nor does anybody of a dashboard that is read-only."""
        readable = dashboard_app(soniq)
        for app, user in (
            (dashboard_app(soniq, auth=by_header, write=True), "vic viewer"),
            (readable, ""),
        ):
            async with asking(app, x_user=user) as client:
                answer = await client.get("/api/jobs/types")
                assert answer.status_code == 200
                assert "x-soniq-csrf" not in answer.headers

    async def test_documents_hold_no_constant_that_json_lacks(
        self, client: httpx.AsyncClient
    ) -> None:
        """Neither NaN nor infinities, with nothing to divide by either."""
        for path in PATHS:
            json.loads((await client.get(path)).text, parse_constant=pytest.fail)
