"""The keyboard: every page and row can be reached, and forms keep their letters."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.site import QUEUE, Site

HERE = "tr.here"
PLACES = {
    "o": "/", "j": "/jobs", "q": "/queues", "f": "/failures", "s": "/schedules",
    "w": "/workers", "y": "/system",
}  # fmt: skip


@pytest.fixture
def three(site: Site) -> list[str]:
    """Three jobs of one queue, the newest first."""
    return [site.enqueue() for _ in range(3)][::-1]


def test_g_and_a_letter_open_pages(tab: Page) -> None:
    """From any page to any other."""
    tab.goto("/")
    for letter, path in PLACES.items():
        tab.keyboard.press("g")
        tab.keyboard.press(letter)
        expect(tab).to_have_url(re.compile(f"//[^/]+{path}$"))
        expect(tab.locator("nav a[aria-current=page]")).to_have_attribute("data-go", letter)


def test_slash_searches(tab: Page) -> None:
    """And what is typed there is text, until Escape."""
    tab.goto("/jobs")
    tab.keyboard.press("/")
    expect(tab.locator("#q")).to_be_focused()
    tab.keyboard.type("gj?x")
    expect(tab.locator("#q")).to_have_value("gj?x")
    expect(tab.locator("#keys")).to_be_hidden()
    tab.keyboard.press("Escape")
    expect(tab.locator("#q")).not_to_be_focused()


def test_rows(site: Site, tab: Page, three: list[str]) -> None:
    """J and k move, x ticks, o and Enter open."""
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    boxes = [tab.locator(f"input[value='{job}']") for job in three]
    for key, place in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        tab.keyboard.press(key)
        expect(tab.locator(HERE).locator("input[name=id]")).to_have_value(three[place])
    tab.keyboard.press("x")
    expect(boxes[1]).to_be_checked()
    tab.keyboard.press("x")
    expect(boxes[1]).not_to_be_checked()
    tab.keyboard.press("o")
    expect(tab.locator(".id.whole")).to_have_text(three[1])
    tab.go_back()
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    expect(tab.locator(".id.whole")).to_have_text(three[0])


def test_what_is_ticked_can_be_cancelled(site: Site, tab: Page, three: list[str]) -> None:
    """C asks about the row that one is at, and the answer is a key, too."""
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    tab.keyboard.press("j")
    tab.keyboard.press("c")
    expect(tab.locator("h1")).to_have_text("Cancel 1 job?")
    tab.get_by_role("button", name="Cancel them").press("Enter")
    expect(tab.locator("main")).to_contain_text("1 job in")
    assert site.rows("SELECT id FROM soniq_jobs WHERE status = 'cancelled' AND queue = ?",
                     QUEUE) == [(three[0],)]  # fmt: skip


def test_r_retries(site: Site, tab: Page) -> None:
    """A job at once, where one is; those of a list are asked about first."""
    later = site.enqueue(scheduled_at=3600)
    tab.goto(f"/jobs/{later}")
    tab.keyboard.press("r")
    expect(tab.locator(".flash")).to_contain_text("is due now")
    due = (
        "SELECT scheduled_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM soniq_jobs WHERE id = ?"
    )
    assert site.value(due, later)
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    tab.keyboard.press("j")
    tab.keyboard.press("r")
    expect(tab.locator("h1")).to_have_text("Retry 1 job?")


def test_the_list_of_keys(tab: Page) -> None:
    """Question mark shows it, Escape puts it away, and meanwhile other keys do nothing."""
    tab.goto("/")
    tab.keyboard.press("?")
    expect(tab.locator("#keys")).to_be_visible()
    tab.keyboard.press("g")
    tab.keyboard.press("j")
    tab.keyboard.press("Escape")
    expect(tab.locator("#keys")).to_be_hidden()
    assert tab.url.endswith("/")
    tab.get_by_role("button", name="Keys").click()
    expect(tab.locator("#keys")).to_be_visible()
    tab.get_by_role("button", name="Close").click()
    expect(tab.locator("#keys")).to_be_hidden()


def test_browser_shortcuts_are_left_alone(tab: Page) -> None:
    """Control and a letter is nobody's here."""
    tab.goto("/jobs")
    tab.keyboard.press("Control+j")
    expect(tab.locator(HERE)).to_have_count(0)


def test_tab_reaches_everything(site: Site, open_tab: OpenTab) -> None:
    """What can be pressed is reached by Tab alone, the way past the navigation first."""
    tab = open_tab(site)
    tab.goto("/queues")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("main")).to_be_focused()
    reached = set[str]()
    for _ in range(200):
        tab.keyboard.press("Tab")
        text = tab.evaluate("document.activeElement.closest('main') ? "
                            "document.activeElement.innerText : ''")  # fmt: skip
        if not text:
            break
        reached.add(text)
    assert {"billing", "Resume", "Pause…"} <= reached
