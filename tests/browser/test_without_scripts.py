"""Without JavaScript: every page is read, and every single action works."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.addresses import addresses
from tests.browser.conftest import NARROW, OpenSite, OpenTab
from tests.browser.site import QUEUE, Site
from tests.support.dashboard import KEY

JOB = "SELECT status FROM soniq_jobs WHERE id = ?"


def plain(open_tab: OpenTab, site: Site) -> Page:
    """Open a tab that runs nothing."""
    return open_tab(site, refusals_are_fine=True, java_script_enabled=False, viewport=NARROW)


def test_every_page_is_read(site: Site, open_tab: OpenTab) -> None:
    """And offers nothing that only a script could do."""
    tab = plain(open_tab, site)
    for page, address in addresses(site).items():
        tab.goto(address)
        expect(tab.locator("main h1")).to_be_visible()
        for tool in ("[data-copy]", "[data-theme-switch]", "[data-help]", "[data-tick-all]"):
            assert not any(one.is_visible() for one in tab.locator(tool).all()), page


def test_single_actions_work(site: Site, open_tab: OpenTab) -> None:
    """A job is cancelled, another one deleted after a question, a queue paused."""
    first, second = site.enqueue(), site.enqueue()
    tab = plain(open_tab, site)
    tab.goto(f"/jobs/{first}")
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.locator(".flash")).to_contain_text("is cancelled")
    tab.goto(f"/jobs/{second}")
    tab.get_by_role("link", name="Delete…").click()
    tab.get_by_role("button", name="Delete it").click()
    expect(tab.locator(".flash")).to_contain_text("is deleted")
    tab.goto(f"/queues?confirm=pause&queue={QUEUE}")
    tab.get_by_role("button", name="Pause", exact=True).click()
    expect(tab.locator(".flash")).to_contain_text("is paused")
    assert site.value(JOB, first) == "cancelled"
    assert site.rows(JOB, second) == []
    assert site.rows("SELECT 1 FROM soniq_paused_queues WHERE queue = ?", QUEUE)


def test_many_jobs_too(site: Site, open_tab: OpenTab) -> None:
    """What is ticked is retried; the way to see how far it is, is to load again."""
    job = site.enqueue(scheduled_at=3600)
    tab = plain(open_tab, site)
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    tab.locator("input[name=id]").check()
    tab.get_by_role("button", name="Retry…").click()
    tab.get_by_role("button", name="Retry them").click()
    expect(tab.locator("h1")).to_contain_text("Retry")
    site.work()
    assert site.value(JOB, job) == "done"


def test_search_and_pages(site: Site, open_tab: OpenTab) -> None:
    """Forms and links suffice."""
    for _ in range(60):
        site.enqueue()
    tab = plain(open_tab, site)
    tab.goto("/jobs")
    tab.locator("#q").fill(f"queue:{QUEUE}")
    tab.locator("#q").press("Enter")
    expect(tab.locator("tr[data-row]")).to_have_count(50)
    tab.get_by_role("link", name="Older").click()
    expect(tab.locator("tr[data-row]")).to_have_count(10)


def test_the_login(open_site: OpenSite, open_tab: OpenTab) -> None:
    """Leads to the page that was asked for."""
    tab = plain(open_tab, open_site(api_key=KEY))
    tab.goto("/workers")
    tab.get_by_label("Key", exact=True).fill(KEY)
    tab.get_by_role("button", name="Log in").click()
    expect(tab.locator("h1")).to_have_text("Workers")
