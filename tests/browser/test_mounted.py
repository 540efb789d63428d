"""Mounted in an application of FastAPI: whatever a browser asks for lies under the path."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenSite, OpenTab
from tests.browser.site import QUEUE
from tests.support.dashboard import KEY


def test_a_visit(open_site: OpenSite, open_tab: OpenTab) -> None:
    """Log in, follow what happens, search, cancel, go on by keys, log out.

    The tab notes every request to anywhere but the address of the site, which has the path in it.
    """
    site = open_site(mount="/tools/jobs", api_key=KEY)
    tab = open_tab(site)
    tab.goto(f"{site.url}/")
    expect(tab).to_have_url(f"{site.url}/login?next=%2Ftools%2Fjobs%2F")
    tab.get_by_label("Key", exact=True).fill(KEY)
    tab.get_by_role("button", name="Log in").click()
    expect(tab).to_have_url(f"{site.url}/")
    expect(tab.locator("#live")).to_have_attribute("data-live", "live")
    assert tab.evaluate("document.querySelector('[data-plot] canvas').clientWidth") > 500
    job = site.enqueue()
    expect(tab.get_by_role("row", name=QUEUE)).to_be_visible()
    tab.keyboard.press("g")
    tab.keyboard.press("j")
    expect(tab).to_have_url(f"{site.url}/jobs")
    tab.locator("#q").fill(f"queue:{QUEUE} state:queued")
    tab.locator("#q").press("Enter")
    tab.locator("tr[data-row]").get_by_role("link", name="mail.send").click()
    expect(tab).to_have_url(re.compile(f"^{re.escape(site.url)}/jobs/{job}"))
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.locator(".flash")).to_contain_text("is cancelled")
    assert site.value("SELECT status FROM soniq_jobs WHERE id = ?", job) == "cancelled"
    tab.get_by_role("button", name="Log out").click()
    expect(tab).to_have_url(re.compile(f"^{re.escape(site.url)}/login"))
