"""The key: a wrong one, the right one, out again; and what the cookie is good for."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenSite, OpenTab
from tests.browser.site import Site
from tests.support.dashboard import KEY

COOKIE = "soniq_session"


@pytest.fixture
def locked(open_site: OpenSite) -> Site:
    """A dashboard with a key."""
    return open_site(api_key=KEY)


@pytest.fixture
def outside(locked: Site, open_tab: OpenTab) -> Page:
    """A tab at its login, which has asked for the queues."""
    tab = open_tab(locked)
    tab.goto("/queues?x=1")
    expect(tab).to_have_url(re.compile(r"/login\?next=%2Fqueues"))
    return tab


def log_in(tab: Page, key: str) -> None:
    """Give a key."""
    tab.get_by_label("Key", exact=True).fill(key)
    tab.get_by_role("button", name="Log in").click()


def test_a_wrong_key(outside: Page) -> None:
    """Is told, and nothing is seen."""
    log_in(outside, "not the key, but as long")
    expect(outside.locator(".flash")).to_contain_text("That is not the key.")
    assert [one["name"] for one in outside.context.cookies()] != [COOKIE]
    assert "billing" not in outside.content()
    log_in(outside, KEY)
    expect(outside).to_have_url(re.compile(r"/queues\?x=1$"))


def test_the_right_key_and_out_again(locked: Site, outside: Page) -> None:
    """The cookie is of no use to scripts, other sites and later days; without it nothing is."""
    log_in(outside, KEY)
    expect(outside.locator("h1")).to_have_text("Queues")
    expect(outside.locator("footer")).to_contain_text("key (operator)")
    [cookie] = [one for one in outside.context.cookies() if one["name"] == COOKIE]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert KEY not in cookie["value"]
    assert outside.evaluate("document.cookie") == ""
    outside.get_by_role("button", name="Log out").click()
    expect(outside).to_have_url(re.compile("/login"))
    assert COOKIE not in [one["name"] for one in outside.context.cookies()]
    outside.goto("/queues")
    expect(outside).to_have_url(re.compile("/login"))


def test_a_key_acts(locked: Site, outside: Page) -> None:
    """Whoever has it is an operator, by the name of the key."""
    log_in(outside, KEY)
    job = locked.enqueue()
    outside.goto(f"/jobs/{job}")
    outside.get_by_role("button", name="Cancel").click()
    expect(outside.locator(".flash")).to_contain_text("is cancelled")
    assert locked.noted("jobs.cancel")[-1] == ("dashboard:key", job, {})


def test_the_key_is_nowhere_to_be_seen(locked: Site, outside: Page) -> None:
    """Neither in an address nor on a page."""
    log_in(outside, KEY)
    for page in ("/", "/system", "/jobs"):
        outside.goto(page)
        assert KEY not in outside.content()
        assert KEY not in outside.url
