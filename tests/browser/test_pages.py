"""Every page in a browser: it shows its data, breaks nothing, asks nobody else, and fits."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.addresses import REFUSED, addresses
from tests.browser.chromium import launched
from tests.browser.conftest import NARROW, WIDE, OpenSite, OpenTab
from tests.browser.site import Site

# What must be there to be read, of the shop's data.
SHOWN = {
    "overview": ["Dead letters", "billing", "paused"],
    "jobs": ["mail.send_receipt", "state:queued"],
    "job, done": ["Arguments", "Headers", "traceparent", "Facts"],
    "job, tried before": ["Traceback (most recent call last)", "frames of libraries"],
    "bulk": ["Cancel", "jobs?"],
    "queues": ["card provider is down", "dashboard:ana", "not served"],
    "failures": ["PaymentDeclined", "cannot identify image file"],
    "failure": ["In a terminal"],
    "dead letter": ["It will not run again by itself"],
    "schedules": ["reports.daily", "paused"],
    "schedule": ["Europe/Paris"],
    "workers": ["web-1", "batch-1"],
    "system": ["soniq_jobs", "queues.pause"],
    "nowhere": ["404"],
}
BROADER = """() => {
    const most = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= most) return [];
    return [...document.querySelectorAll("body *")]
        .filter((one) => one.getBoundingClientRect().right > most + 1 && !one.closest(".scroll"))
        .map((one) => `${one.tagName}.${one.className}: ${one.getBoundingClientRect().right}`);
}"""
# The pixels of the chart that have the colour of what is done.
DONE = """async () => {
    await new Promise(requestAnimationFrame);  // until it is drawn
    await new Promise(requestAnimationFrame);
    const canvas = document.querySelector('[data-plot] canvas');
    const { color } = getComputedStyle(document.querySelector('.legend .done'));
    const [r, g, b] = color.match(/\\d+/g);
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let pixels = 0;
    for (let n = 0; n < data.length; n += 4)
        if (data[n] == r && data[n + 1] == g && data[n + 2] == b && data[n + 3] == 255) pixels += 1;
    return pixels;
}"""
CHART = "document.querySelector('[data-plot] canvas')?.getBoundingClientRect().width ?? 0"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_every_page_renders(
    open_site: OpenSite, open_tab: OpenTab, theme: str, size: dict[str, int]
) -> None:
    """With its data, nothing to complain about, and no wider than the window."""
    site = open_site()
    tab = open_tab(site, refusals_are_fine=True, color_scheme=theme, viewport=size)
    for page, address in addresses(site).items():
        answer = tab.goto(address)
        assert answer
        assert (answer.status >= 400) == (page in REFUSED), page
        expect(tab.locator("main h1")).to_be_visible()
        for text in SHOWN.get(page, []):
            assert tab.get_by_text(text).count() or text in tab.content(), (page, text)
        assert tab.evaluate(BROADER) == [], page
        for link in tab.locator("nav[aria-label=Pages] a").all():
            expect(link).to_be_in_viewport(ratio=1)
        ground = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (theme == "light"), page


def test_scripts_of_others_run(tab: Page) -> None:
    """The chart is drawn, and pages follow what happens."""
    tab.goto("/")
    expect(tab.locator("#live")).to_have_attribute("data-live", "live")
    assert tab.evaluate(CHART) > 500


def test_what_has_just_ended_has_a_bar(open_site: OpenSite, open_tab: OpenTab) -> None:
    """The minute that is not over yet is in sight, to its end."""
    site = open_site(demo=False)
    site.enqueue()
    site.work()
    tab = open_tab(site)
    tab.goto("/")
    assert tab.evaluate(DONE) > 500


@pytest.mark.parametrize("page", ["/", "/jobs", "/queues", "/failures", "/schedules", "/workers",
                                  "/system"])  # fmt: skip
def test_an_empty_database_has_pages_too(open_site: OpenSite, open_tab: OpenTab, page: str) -> None:
    """Nothing is wrong where nothing is."""
    tab = open_tab(open_site(demo=False), viewport=NARROW)
    tab.goto(page)
    expect(tab.locator("main h1")).to_be_visible()
    assert tab.evaluate(BROADER) == []


def test_a_phone_shows_the_way_to_every_page(site: Site, open_tab: OpenTab) -> None:
    """No link of the navigation has to be slid into sight."""
    tab = open_tab(site, viewport=NARROW)
    tab.goto("/system")
    links = tab.get_by_role("navigation", name="Pages").get_by_role("link").all()
    boxes = [box for link in links if (box := link.bounding_box())]
    assert len(boxes) == 7
    assert max(box["x"] + box["width"] for box in boxes) <= NARROW["width"]


def test_what_must_not_happen_is_seen(browser: Browser, site: Site) -> None:
    """The checks can fail: each of these is noted."""
    from tests.browser.watch import Watch  # noqa: PLC0415 - not the one of the fixture

    context = browser.new_context(base_url=site.url)
    watch = Watch(site.url)
    watch.follow(context)
    tab = context.new_page()
    tab.goto("/")
    tab.evaluate("""() => {
        const script = document.createElement('script');
        script.append('window.ran = 1');
        document.body.append(script);
    }""")
    tab.evaluate("document.body.append(Object.assign(document.createElement('img'), "
                 "{src: 'http://127.0.0.1:9/x.png'}))")  # fmt: skip
    tab.evaluate("setTimeout(() => { throw new Error('broken') })")
    tab.evaluate("alert(1)")
    tab.evaluate("document.body.style.width = '4000px'")
    assert tab.evaluate("window.ran") is None
    assert tab.evaluate(BROADER) != []
    context.close()
    said = "\n".join(watch.complaints)
    for part in ("CSP require-trusted-types-for", "CSP img-src", "broken", "a dialog"):
        assert part in said


# Ways from a text to markup or to a script.
SINKS = (
    "document.body.innerHTML = '<b>x</b>'",
    "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
    "new DOMParser().parseFromString('<b>x</b>', 'text/html')",
    "document.createElement('iframe').srcdoc = '<b>x</b>'",
    "document.createElement('script').src = '/x.js'",
    "document.createElement('b').setAttribute('onclick', 'window.ran = 1')",
    "trustedTypes.createPolicy('other', {createHTML: (text) => text})",
    "trustedTypes.createPolicy('soniq', {createHTML: (text) => text})",
)


def test_no_text_becomes_markup(browser: Browser, site: Site) -> None:
    """But that which htmx has got from this server: pages follow what happens all the same."""
    context = browser.new_context(base_url=site.url)
    tab = context.new_page()
    tab.goto("/")
    expect(tab.locator("#live")).to_have_attribute("data-live", "live")
    for sink in SINKS:
        tried = (
            f"() => {{ try {{ {sink}; return 'done'; }} catch (error) {{ return error.name; }} }}"
        )
        assert (sink, tab.evaluate(tried)) == (sink, "TypeError")
    site.enqueue()
    expect(tab.get_by_role("row", name="mails")).to_be_visible()
    context.close()


def test_a_missing_browser_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how to get one; nothing is skipped."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FileNotFoundError, match="make browser"):
        launched(None)  # type: ignore[arg-type] - nothing is driven
