"""All pages of a dashboard, by the names of their routes, with something to show on each."""

from __future__ import annotations

from tests.browser.site import Site

# What stands in braces is looked up.
PAGES = {
    "overview": "/",
    "overview, a week": "/?window=7d",
    "jobs": "/jobs",
    "jobs, searched": "/jobs?q=state:done+task:images.*",
    "jobs, a wrong search": "/jobs?q=colour:red",
    "jobs, more columns": "/jobs?columns=state&columns=args&columns=error&columns=worker",
    "job, done": "/jobs/{done}",
    "job, waiting": "/jobs/{queued}",
    "job, running": "/jobs/{processing}",
    "job, tried before": "/jobs/{tried}",
    "job, to be deleted": "/jobs/{done}?confirm=delete",
    "bulk": "/bulk?action=cancel&q=state:queued",
    "queues": "/queues",
    "queues, one to be paused": "/queues?confirm=pause&queue=mail",
    "failures": "/failures",
    "failures, searched": "/failures?q=reason:timeout",
    "failure": "/failures/{failure}",
    "failure, to be replayed": "/failures/{failure}?confirm=replay",
    "dead letter": "/dead-letters/{letter}",
    "schedules": "/schedules",
    "schedule": "/schedules/reports.daily",
    "workers": "/workers",
    "workers, one to be stopped": "/workers?confirm=stop&worker={worker}",
    "system": "/system",
    "nowhere": "/nowhere",
}
# These answer with an error, which browsers tell in the console.
REFUSED = ("jobs, a wrong search", "nowhere")


def addresses(site: Site) -> dict[str, str]:
    """Return the address of each page of a site with the demo's data."""
    job = "SELECT id FROM soniq_jobs WHERE {} ORDER BY id LIMIT 1"
    found = {
        status: site.value(job.format("status = ?"), status)
        for status in ("done", "queued", "processing")
    }
    found["tried"] = site.value(job.format("last_traceback IS NOT NULL"))
    found["letter"] = site.value("SELECT id FROM soniq_dead_letter_jobs ORDER BY id LIMIT 1")
    found["worker"] = site.value("SELECT id FROM soniq_workers ORDER BY id LIMIT 1")
    found["failure"] = site.run(site.app.dead_letter.groups()).items[0].fingerprint
    return {page: address.format(**found) for page, address in PAGES.items()}
