"""Searching: qualifiers, completion, pages; and every view is an address."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.site import QUEUE, Site

ROWS = "tr[data-row]"
TASKS = "[...document.querySelectorAll('td[data-label=Task]')].map((one) => one.innerText)"


def test_qualifiers_narrow(site: Site, tab: Page) -> None:
    """What is typed is what is found, and stands in the address."""
    site.enqueue(args={"number": 4711})
    site.enqueue(args={"number": 4712})
    tab.goto("/jobs")
    box = tab.locator("#q")
    box.fill(f"state:queued queue:{QUEUE} args.number:4711")
    box.press("Enter")
    expect(tab.locator(ROWS)).to_have_count(1)
    expect(tab.locator(ROWS)).to_contain_text("4711")
    assert "q=state%3Aqueued" in tab.url
    box.fill("task:images.* state:done")
    box.press("Enter")
    expect(tab.locator(ROWS).first).to_contain_text("images.thumbnail")
    assert set(tab.evaluate(TASKS)) == {"images.thumbnail"}


def test_words_are_completed(site: Site, tab: Page) -> None:
    """Queues, tasks and states that are known are offered; what is typed stays in front."""
    tab.goto("/jobs")
    hints = tab.evaluate("[...document.querySelector('#q').list.options].map((one) => one.value)")
    for word in ("state:queued", "queue:billing", "task:images.thumbnail", "task:mail.send"):
        assert word in hints
    tab.goto("/jobs?q=state:done")
    hints = tab.evaluate("[...document.querySelector('#q').list.options].map((one) => one.value)")
    assert "state:done queue:billing" in hints


def test_a_wrong_word_says_what_is_known(site: Site, open_tab: OpenTab) -> None:
    """And the box keeps what was typed."""
    tab = open_tab(site, refusals_are_fine=True)
    tab.goto("/jobs?q=colour:red")
    expect(tab.get_by_role("alert")).to_contain_text("colour")
    expect(tab.get_by_role("alert")).to_contain_text("queue")
    expect(tab.locator("#q")).to_have_value("colour:red")


def test_pages_follow_each_other(site: Site, tab: Page) -> None:
    """Older, older, newest: no job twice, none left out, and each page is an address."""
    for _ in range(120):
        site.enqueue()
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    seen: list[str] = []
    while True:
        found = tab.evaluate("[...document.querySelectorAll('input[name=id]')].map(o => o.value)")
        seen += found
        older = tab.get_by_role("link", name="Older")
        if not older.count():
            break
        older.click()
        expect(tab.locator(f"input[name=id][value='{found[0]}']")).to_have_count(0)
    assert len(seen) == len(set(seen)) == 120
    assert sorted(seen, reverse=True) == seen
    tab.get_by_role("link", name="Newest").click()
    expect(tab.locator(f"input[name=id][value='{seen[0]}']")).to_have_count(1)


def test_the_address_holds_the_view(site: Site, tab: Page) -> None:
    """Loaded again, in this tab or by somebody else, it shows the same."""
    for _ in range(60):
        site.enqueue()
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    tab.get_by_text("Columns", exact=True).click()
    tab.get_by_label("Priority").check()
    tab.get_by_role("button", name="Show these").click()
    tab.get_by_role("link", name="Older").click()
    expect(tab.locator(ROWS)).to_have_count(10)
    shown = "document.querySelector('main table').innerText"
    before, address = tab.evaluate(shown), tab.url
    assert "Priority" in before
    tab.reload()
    assert tab.evaluate(shown).split("\n")[0] == before.split("\n")[0]
    other = tab.context.new_page()
    other.goto(address)
    expect(other.locator(ROWS)).to_have_count(10)
    ids = "[...document.querySelectorAll('input[name=id]')].map((one) => one.value)"
    assert other.evaluate(ids) == tab.evaluate(ids)


def test_back_and_forth(site: Site, tab: Page) -> None:
    """From a list to a job, to the one beside it, and back to the same list."""
    jobs = [site.enqueue() for _ in range(3)]
    tab.goto(f"/jobs?q=queue:{QUEUE}")
    tab.locator(ROWS).first.get_by_role("link", name="mail.send").click()
    expect(tab.locator(".id.whole")).to_have_text(jobs[2])
    tab.get_by_role("link", name="Older").click()
    expect(tab.locator(".id.whole")).to_have_text(jobs[1])
    tab.get_by_role("link", name="Jobs that match").click()
    expect(tab.locator(ROWS)).to_have_count(3)
    tab.go_back()
    expect(tab.locator(".id.whole")).to_have_text(jobs[1])
