"""Every page by the rules of axe-core: nothing serious, in both themes, wide and narrow."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from tests.browser.addresses import addresses
from tests.browser.conftest import NARROW, WIDE, OpenSite, OpenTab
from tests.browser.site import Site
from tests.support.dashboard import KEY

OPTIONS = {"resultTypes": ["violations"]}
SERIOUS = {"serious", "critical"}


def violations(tab: Page) -> list[str]:
    """Return what is seriously wrong with a page: the rule, and where."""
    tab.evaluate(AXE_SCRIPT)
    found: dict[str, Any] = tab.evaluate("(options) => axe.run(document, options)", OPTIONS)
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


# Dozens of pages in one test: on a slow machine more than a minute.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_nobody_is_shut_out(
    open_site: OpenSite, open_tab: OpenTab, theme: str, size: dict[str, int]
) -> None:
    """Contrasts, names, roles, order: 0 serious, 0 critical, also in what is folded away."""
    site = open_site()
    tab = open_tab(site, refusals_are_fine=True, color_scheme=theme, viewport=size)
    for page, address in addresses(site).items():
        tab.goto(address)
        tab.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert violations(tab) == [], page


def test_what_an_action_leads_to(site: Site, tab: Page) -> None:
    """The progress of work on many jobs, and the message about what was done."""
    job = site.enqueue()
    tab.goto("/bulk?action=retry&q=state:cancelled")
    tab.get_by_role("button", name="Retry them").click()
    expect(tab.locator("h1")).to_contain_text("Retry")
    assert violations(tab) == []
    tab.goto(f"/jobs/{job}")
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.locator(".flash")).to_contain_text("is cancelled")
    assert violations(tab) == []


def test_the_login_and_the_list_of_keys(open_site: OpenSite, open_tab: OpenTab) -> None:
    """The same for what is seen before any page, and over one."""
    tab = open_tab(open_site(api_key=KEY))
    tab.goto("/")
    assert tab.url.endswith("/login?next=%2F")
    assert violations(tab) == []
    tab.get_by_label("Key", exact=True).fill(KEY)
    tab.get_by_role("button", name="Log in").click()
    tab.get_by_role("button", name="Keys").click()
    assert violations(tab) == []


def test_what_is_wrong_is_found(browser: Browser) -> None:
    """The check can fail."""
    tab = browser.new_page()
    tab.set_content("<title>x</title><img src=x><p style='color:#ccc;background:#fff'>faint</p>")
    found = "\n".join(violations(tab))
    tab.close()
    assert "image-alt" in found
    assert "color-contrast" in found
