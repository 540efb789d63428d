"""Whatever is stored is text: no payload runs in any field on any page."""

from __future__ import annotations

import json
import re
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OpenSite, OpenTab
from tests.browser.payloads import PAYLOADS, STATES, id_of, plant
from tests.browser.site import Site

# Also what the policy keeps from running must not be there: the policy is the second wall.
FOREIGN = """() => {
    const odd = document.querySelectorAll(
        "iframe, object, embed, base, math, style, template, img, video, source, animate, " +
        "svg script, svg a, meta[http-equiv], script:not([src]), [srcdoc], [autofocus]");
    const urls = ["href", "src", "action", "formaction", "xlink:href", "data"];
    const bad = [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some(
        ({ name, value }) => name.startsWith("on") || name.startsWith("hx-on")
            || (urls.includes(name) && !/^[/#?][^/]?/.test(value))));
    return [...odd, ...bad].map((one) => one.outerHTML.slice(0, 200));
}"""
HOLDS = "(text) => document.documentElement.textContent.includes(text)"
PARTS = 4


@pytest.fixture
def hostile(open_site: OpenSite) -> Site:
    """A dashboard of nothing but payloads."""
    site = open_site(demo=False)
    plant(site)
    return site


def look(tab: Page, address: str, payload: str = "") -> None:
    """Load a page: there is nothing foreign on it, and the payload can be read."""
    answer = tab.goto(address)
    assert answer
    assert answer.status in ({200} if payload else {200, 400, 404}), address
    assert tab.evaluate("window.ran") is None, address
    assert tab.evaluate(FOREIGN) == [], address
    if payload:
        assert tab.evaluate(HOLDS, payload) is True, (address, payload)


def test_the_payloads_are_alive(browser: Browser) -> None:
    """Where markup gets through and no policy is in the way, many of them run."""
    ran = 0
    context = browser.new_context(offline=True)
    tab = context.new_page()
    tab.on("dialog", lambda dialog: dialog.dismiss())
    for payload in PAYLOADS:
        tab.goto("about:blank")
        tab.set_content(f'<title>x</title><div>{payload}</div><p title="{payload}">')
        ran += tab.evaluate("window.ran") == 1 or tab.evaluate(FOREIGN) != []
    context.close()
    assert ran > 30


# Columns of text that hold times, ids that others refer to, numbers, or what a CHECK allows.
NO_TEXT = re.compile(
    r".*_at$|.*\.(at|tick_at|minute|status|outcome|wish|missed|origin|waits|runs)$"
    r"|soniq_(jobs|dead_letter_jobs|audit)\.id$|soniq_attempts\.job_id$|soniq_migrations\."
)


def test_no_field_is_left_out(hostile: Site) -> None:
    """Every column of every table that can hold text holds all forty, some of them within JSON."""
    tables = hostile.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    fields = [
        (table, name)
        for [table] in tables
        for _, name, kind, *_ in hostile.rows(f"PRAGMA table_info({table})")
        if kind == "TEXT" and not NO_TEXT.match(f"{table}.{name}")
    ]
    assert len(fields) > 40
    for table, name in fields:
        found = hostile.rows(f"SELECT DISTINCT {name} FROM {table}")  # noqa: S608 - names of ours
        text = "\n".join(str(value) for [value] in found)
        missing = [one for one in PAYLOADS if one not in text and json.dumps(one)[1:-1] not in text]
        assert (table, name, missing) == (table, name, [])


def test_nothing_runs_in_lists(hostile: Site, open_tab: OpenTab) -> None:
    """All forty at once on each page that lists something."""
    tab = open_tab(hostile, refusals_are_fine=True)
    columns = urlencode([("columns", one) for one in ("state", "id", "queue", "args", "attempts",
                                                      "worker", "error")])  # fmt: skip
    for state in STATES:
        look(tab, f"/jobs?q=state:{state}&{columns}", PAYLOADS[-1])
    for page in ("/", "/queues", "/schedules", "/workers", "/system", "/failures",
                 "/bulk?action=cancel&q=state:queued"):  # fmt: skip
        look(tab, page)
    for page in ("/queues", "/schedules", "/workers", "/failures"):
        for payload in PAYLOADS:
            look_at_all(tab, page, payload)


def look_at_all(tab: Page, address: str, payload: str) -> None:
    """Load a page once, and find a payload on it."""
    if not tab.url.endswith(address):
        tab.goto(address)
    assert tab.evaluate(HOLDS, payload) is True, (address, payload)


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_runs_on_pages_of_one(hostile: Site, open_tab: OpenTab, part: int) -> None:
    """Each on the page of its job in every state, of its dead letter, its failure, its schedule."""
    tab = open_tab(hostile, refusals_are_fine=True)
    for number, payload in list(enumerate(PAYLOADS))[part::PARTS]:
        for state in STATES:
            look(tab, f"/jobs/{id_of(number, state)}", payload)
        look(tab, f"/dead-letters/{id_of(number, 'letter')}?confirm=delete", payload)
        look(tab, f"/schedules/{quote(payload, safe='')}", payload)
        look(tab, f"/queues?{urlencode({'confirm': 'pause', 'queue': payload})}", payload)
        look(tab, f"/workers?{urlencode({'confirm': 'stop', 'worker': payload})}", payload)
    groups = hostile.run(hostile.app.dead_letter.groups()).items
    assert len(groups) == len(PAYLOADS)
    for group in groups[part::PARTS]:
        look(tab, f"/failures/{group.fingerprint}?confirm=replay", group.job_name)


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_runs_in_addresses(hostile: Site, open_tab: OpenTab, part: int) -> None:
    """Nor in what is searched for, nor in any other parameter, nor in a path."""
    tab = open_tab(hostile, refusals_are_fine=True)
    for payload in PAYLOADS[part::PARTS]:
        quoted = urlencode({"q": f'task:"{payload}"', "after": payload, "columns": payload})
        for page in ("/jobs", "/failures"):
            look(tab, f"{page}?{urlencode({'q': payload})}")
        look(tab, f"/jobs?{quoted}")
        look(tab, f"/bulk?{urlencode({'action': 'cancel', 'q': payload})}")
        for path in ("jobs", "failures", "dead-letters", "schedules", "operations", "static"):
            look(tab, f"/{path}/x{quote(payload, safe='')}")
        look(tab, f"/?{urlencode({'window': payload, 'confirm': payload})}")


def test_nothing_runs_on_pages_of_operations(hostile: Site, open_tab: OpenTab) -> None:
    """What was searched for, and who did it, are text there, too."""
    tab = open_tab(hostile)

    async def work(_: object) -> int:
        return 0

    for payload in PAYLOADS:
        start = hostile.board.operations.start("jobs.cancel", payload, work, by=payload)
        look(tab, f"/operations/{hostile.run(start).id}", payload)


def test_nothing_runs_in_what_comes_later(hostile: Site, open_tab: OpenTab) -> None:
    """Nor in the parts that are loaded anew, nor in messages about what was done."""
    tab = open_tab(hostile)
    tab.goto("/queues")
    expect(tab.locator("#live")).to_have_attribute("data-live", "live")
    hostile.enqueue()
    expect(tab.get_by_role("row", name="mails")).to_be_visible()
    assert tab.evaluate(FOREIGN) == []
    for payload in PAYLOADS[::5]:
        row = tab.locator("tr[data-row]").filter(has=tab.get_by_role("link", name=payload,
                                                                    exact=True))  # fmt: skip
        row.get_by_role("button", name="Resume").click()
        expect(tab.get_by_role("status")).to_contain_text("goes on")
        assert tab.evaluate(FOREIGN) == []
    assert tab.evaluate("window.ran") is None
