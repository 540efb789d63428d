"""What operators do, by mouse: each is seen in the file afterwards, and in the audit log."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.addresses import addresses
from tests.browser.conftest import OpenSite, OpenTab
from tests.browser.site import QUEUE, Site
from tests.support.dashboard import by_header
from tests.support.demo_state import WORKER_IDS

BY = "dashboard:local"
JOB = "SELECT status FROM soniq_jobs WHERE id = ?"
COUNT = "SELECT count(*) FROM soniq_jobs WHERE queue = ? AND status = ?"


def press(tab: Page, label: str, *, sure: str | None = None) -> None:
    """Press the button or link of the page itself, and that of the question that follows."""
    main = tab.locator("main")
    main.get_by_role("button", name=label, exact=True).or_(
        main.get_by_role("link", name=label, exact=True)
    ).first.click()
    if sure is not None:
        tab.locator(".sure").get_by_role("button", name=sure).click()


def told(tab: Page, text: str) -> None:
    """Wait for the message about what was done."""
    expect(tab.locator(".flash")).to_contain_text(text)


def id_in(tab: Page) -> str:
    """Return the id of the job that a page is about."""
    return tab.url.partition("?")[0].rpartition("/")[2]


# --- single jobs ----------------------------------------------------------------------------------


def test_cancel_a_job(site: Site, tab: Page) -> None:
    """One that waits is cancelled."""
    job = site.enqueue()
    tab.goto(f"/jobs/{job}")
    press(tab, "Cancel")
    told(tab, "is cancelled")
    assert site.value(JOB, job) == "cancelled"
    assert site.noted("jobs.cancel")[-1] == (BY, job, {})


def test_retry_a_job(site: Site, tab: Page) -> None:
    """One that is due later is due now; one that is done runs as another."""
    job = site.enqueue(scheduled_at=3600)
    tab.goto(f"/jobs/{job}")
    press(tab, "Run now")
    told(tab, "is due now")
    site.work()
    assert site.value(JOB, job) == "done"
    tab.goto(f"/jobs/{job}")
    press(tab, "Run again")
    told(tab, "is queued again as")
    [first, second] = site.noted("jobs.retry")
    assert first == (BY, job, {"how": "hastened", "job": job})
    assert second == (BY, job, {"how": "cloned", "job": second[2]["job"]})
    assert site.value(JOB, second[2]["job"]) == "queued"


def test_clone_a_job(site: Site, tab: Page) -> None:
    """Another one, with the same arguments."""
    job = site.enqueue(args={"number": 2**60 + 1})
    tab.goto(f"/jobs/{job}")
    press(tab, "Clone")
    told(tab, f"with the arguments of {job}")
    [(_, target, detail)] = site.noted("jobs.clone")
    args = "SELECT args FROM soniq_jobs WHERE id = ?"
    assert target == job
    assert site.value(args, detail["job"]) == site.value(args, job)


def test_delete_a_job(site: Site, tab: Page) -> None:
    """Only once it is confirmed."""
    job = site.enqueue()
    tab.goto(f"/jobs/{job}")
    press(tab, "Delete…")
    expect(tab.get_by_role("alertdialog")).to_contain_text(job)
    press(tab, "Leave it")
    expect(tab.get_by_role("alertdialog")).to_have_count(0)
    assert site.value(JOB, job) == "queued"
    press(tab, "Delete…", sure="Delete it")
    told(tab, "is deleted")
    assert site.rows(JOB, job) == []
    assert site.noted("jobs.delete") == [(BY, job, {})]


# --- many jobs ------------------------------------------------------------------------------------


def test_all_that_match(site: Site, tab: Page) -> None:
    """First how many and which, then how far it has got, then how many it were."""
    for _ in range(120):
        site.enqueue()
    site.enqueue(queue="other")
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    tab.get_by_role("group").get_by_role("link", name="Cancel…").click()
    expect(tab.locator("h1")).to_have_text("Cancel 120 jobs?")
    expect(tab.locator("main")).to_contain_text(f"{QUEUE} (120)")
    expect(tab.locator("tr[data-row]")).to_have_count(5)
    assert site.value(COUNT, QUEUE, "queued") == 120
    press(tab, "Cancel them")
    expect(tab.locator("h1")).to_contain_text("done")
    expect(tab.locator("main")).to_contain_text("120 jobs in")
    assert site.value(COUNT, QUEUE, "cancelled") == 120
    assert site.value(COUNT, "other", "queued") == 1
    [(by, target, begun)] = site.noted("jobs.cancel")[-1:]
    [(_, _, ended)] = site.noted("jobs.cancel.ended")
    assert (by, target) == (BY, f"queue:{QUEUE}")
    assert ended == {"operation": begun["operation"], "state": "done", "count": 120}
    assert id_in(tab) == begun["operation"]


def test_those_that_are_ticked(site: Site, tab: Page) -> None:
    """Two of three, and no other."""
    jobs = [site.enqueue() for _ in range(3)]
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    for job in jobs[:2]:
        tab.locator(f"input[name=id][value='{job}']").check()
    tab.get_by_role("button", name="Delete…").click()
    expect(tab.locator("h1")).to_have_text("Delete 2 jobs?")
    press(tab, "Delete them")
    expect(tab.locator("main")).to_contain_text("2 jobs in")
    assert site.rows("SELECT id FROM soniq_jobs WHERE queue = ?", QUEUE) == [(jobs[2],)]
    assert set(site.noted("jobs.delete")[0][1].split(", ")) == set(jobs[:2])


def test_tick_all(site: Site, tab: Page) -> None:
    """One box ticks the page."""
    for _ in range(3):
        site.enqueue()
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    tab.get_by_label("Tick all").check()
    expect(tab.locator("input[name=id]:checked")).to_have_count(3)
    tab.get_by_role("button", name="Retry…").click()
    expect(tab.locator("h1")).to_have_text("Retry 3 jobs?")


# --- failures -------------------------------------------------------------------------------------


def failures_of(site: Site, tab: Page, number: int) -> None:
    """Let jobs fail in the same way, and go to the page of that."""
    for _ in range(number):
        site.enqueue("mail.break")
    site.work()
    tab.goto("/failures")
    tab.get_by_role("link", name="is broken").click()
    expect(tab.locator("main")).to_contain_text("PermanentFailure")


def test_a_canary_then_all(site: Site, tab: Page) -> None:
    """Five are tried, then the others; no letter is replayed twice."""
    failures_of(site, tab, 12)
    press(tab, "Replay 5 as a try")
    told(tab, "Replayed 5")
    assert site.value(COUNT, QUEUE, "queued") == 5
    assert site.noted("failures.replay")[0][2] == {"count": 5}
    press(tab, "Replay all 7…")
    tab.locator(".sure").get_by_role("button").click()
    expect(tab.locator("main")).to_contain_text("7 jobs in")
    assert site.value(COUNT, QUEUE, "queued") == 12
    query = "SELECT count(*) FROM soniq_dead_letter_jobs WHERE queue = ? AND resurrection_count = 1"
    assert site.value(query, QUEUE) == 12
    assert site.noted("failures.replay.ended")[0][2]["count"] == 7


def test_delete_a_kind_of_failure(site: Site, tab: Page) -> None:
    """All of it, and nothing else, once it is confirmed."""
    letters = "SELECT count(*) FROM soniq_dead_letter_jobs"
    before = site.value(letters)
    failures_of(site, tab, 3)
    press(tab, "Delete all 3…")
    tab.locator(".sure").get_by_role("button").click()
    expect(tab.locator("main")).to_contain_text("3 jobs in")
    assert site.value(letters) == before
    assert site.noted("failures.delete.ended")[0][2]["count"] == 3


def test_one_dead_letter(site: Site, tab: Page) -> None:
    """It is replayed, then deleted."""
    job = site.enqueue("mail.break")
    site.work()
    tab.goto(f"/jobs/{job}")
    expect(tab).to_have_url(re.compile(f"/dead-letters/{job}$"))
    press(tab, "Replay")
    told(tab, "is queued again as job")
    [(_, target, detail)] = site.noted("dead_letters.replay")[1:]  # the demo has replayed one
    assert target == job
    assert site.value(JOB, detail["job"]) == "queued"
    tab.goto(f"/dead-letters/{job}")
    press(tab, "Delete…", sure="Delete")
    told(tab, "is deleted")
    assert site.rows("SELECT 1 FROM soniq_dead_letter_jobs WHERE id = ?", job) == []
    assert site.noted("dead_letters.delete") == [(BY, job, {})]


# --- queues, schedules, workers -------------------------------------------------------------------


def test_pause_and_resume_a_queue(site: Site, tab: Page) -> None:
    """With a reason that everybody sees."""
    tab.goto("/queues")
    row = tab.locator("tr[data-row]").filter(has=tab.get_by_role("link", name="mail", exact=True))
    row.get_by_role("link", name="Pause…").click()
    tab.get_by_label("Why").fill("a flood of <receipts>")
    press(tab, "Pause")
    told(tab, "Queue mail is paused")
    expect(row).to_contain_text("by dashboard:local: a flood of <receipts>")
    paused = "SELECT paused_by, reason FROM soniq_paused_queues WHERE queue = 'mail'"
    assert site.rows(paused) == [(BY, "a flood of <receipts>")]
    row.get_by_role("button", name="Resume").click()
    told(tab, "Queue mail goes on")
    assert site.rows(paused) == []
    assert site.noted("queues.pause")[-1] == (BY, "mail", {"reason": "a flood of <receipts>"})
    assert site.noted("queues.resume") == [(BY, "mail", {})]


def test_run_and_pause_a_schedule(site: Site, tab: Page) -> None:
    """It runs now, then fires no more, then fires again."""
    name = "carts.remind"
    state = "SELECT status FROM soniq_schedules WHERE name = ?"
    tab.goto(f"/schedules/{name}")
    press(tab, "Run now")
    told(tab, f"of {name} is queued")
    [(_, target, detail)] = site.noted("schedules.run")
    assert target == name
    assert site.value("SELECT job_name FROM soniq_jobs WHERE id = ?", detail["job"]) == name
    press(tab, "Pause")
    told(tab, "is paused")
    assert site.value(state, name) == "paused"
    press(tab, "Resume")
    told(tab, "goes on")
    assert site.value(state, name) == "active"
    assert [site.noted(f"schedules.{one}") for one in ("pause", "resume")] == [[(BY, name, {})]] * 2


def test_quiet_resume_and_stop_a_worker(site: Site, tab: Page) -> None:
    """What it is asked stands where it looks with its next heartbeat."""
    wish = "SELECT wish FROM soniq_workers WHERE id = ?"
    worker = WORKER_IDS[0]
    tab.goto("/workers")
    section = tab.locator(f"section[id='{worker}']")
    section.get_by_role("button", name="Quiet").click()
    told(tab, "claim no more")
    assert site.value(wish, worker) == "quiet"
    section.get_by_role("button", name="Resume").click()
    told(tab, "will claim jobs again")
    assert site.value(wish, worker) is None
    section.get_by_role("link", name="Stop…").click()
    expect(tab.get_by_role("alertdialog")).to_contain_text("Process 2211 on web-1")
    press(tab, "Stop it")
    told(tab, "and end")
    assert site.value(wish, worker) == "stop"
    for action in ("quiet", "resume", "stop"):
        assert site.noted(f"workers.{action}") == [(BY, worker, {})]


# --- who may not ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["viewer", "read-only"])
def test_who_may_not_write_has_nothing_to_press(
    open_site: OpenSite, open_tab: OpenTab, who: str
) -> None:
    """No form on any page changes anything, and what is sent all the same is refused."""
    site = open_site(write=who == "viewer", auth=by_header)
    role = "viewer" if who == "viewer" else "operator"
    tab = open_tab(site, refusals_are_fine=True, extra_http_headers={"X-User": f"vic {role}"})
    for page, address in addresses(site).items():
        tab.goto(address)
        assert tab.locator("form[method=post]").count() == 0, page
        assert tab.locator("main button.danger, main a.danger, input[name=id]").count() == 0, page
    job = site.enqueue()
    before = site.value("SELECT count(*) FROM soniq_audit")
    tab.goto("/")
    status = tab.evaluate(
        "(id) => fetch(`/jobs/${id}/cancel`, {method: 'POST', body: new URLSearchParams({})})"
        ".then((answer) => answer.status)",
        job,
    )
    assert status == 403
    assert site.value(JOB, job) == "queued"
    assert site.value("SELECT count(*) FROM soniq_audit") == before
