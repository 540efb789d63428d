"""Forty texts that have become scripts somewhere, and a database that holds them in every field.

Each sets ``window.ran``, opens a dialog, or leads to another host, if anything lets it. Tables are
written by SQL, past all that Soniq would refuse.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.browser.site import Site

PAYLOADS = (
    # Plain markup.
    "<script>window.ran=1;alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>window.ran=1</scr</script>ipt>",
    "<img src=x onerror=window.ran=1>",
    "<img/src='x'/onerror='window.ran=1'//",
    "<svg onload=window.ran=1>",
    "<svg/onload=window.ran=1><!--",
    "<svg><animate onbegin=window.ran=1 attributeName=x dur=1s>",
    "<svg><script>window.ran=1</script></svg>",
    "<svg><a xlink:href='javascript:window.ran=1'><text y=20>x</text></a></svg>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<iframe src='javascript:parent.ran=1'></iframe>",
    "<details open ontoggle=window.ran=1>x</details>",
    "<video><source onerror=window.ran=1></video>",
    "<input autofocus onfocus=window.ran=1>",
    "<style>@keyframes x{}</style><b style='animation-name:x' onanimationstart=window.ran=1>",
    "<object data='javascript:window.ran=1'></object>",
    "<embed src='javascript:window.ran=1'>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:window.ran=1'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<form action=javascript:window.ran=1><button autofocus>x</button></form>",
    # Out of what is around it.
    '"><script>window.ran=1</script>',
    "'><img src=x onerror=window.ran=1>",
    '" autofocus onfocus="window.ran=1" x="',
    "' onmouseover='window.ran=1' x='",
    "x onload=window.ran=1 y",
    "</title></textarea></style></script><script>window.ran=1</script>",
    "--><img src=x onerror=window.ran=1><!--",
    "]]><img src=x onerror=window.ran=1>",
    "<noscript><p title='</noscript><img src=x onerror=window.ran=1>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.ran=1>",
    # Into scripts, addresses, templates, and what htmx reads.
    "javascript:window.ran=1",
    "data:text/html,<script>window.ran=1</script>",
    "';window.ran=1;//\\';window.ran=1;//${window.ran=1}",
    "{{window.ran=1}}{% raw %}{{cycler.__init__.__globals__}}",
    "<b hx-get='/' hx-trigger=load hx-on:load='window.ran=1' hx-vals='js:{a:window.ran=1}'>x</b>",
    # Twice encoded, and hidden from who looks.
    "&lt;script&gt;window.ran=1&lt;/script&gt;%3Cscript%3Ewindow.ran=1%3C/script%3E",
    "\\u003cimg src=x onerror=window.ran=1\\u003e\u2028<img src=x onerror=window.ran=1>",
    "\u202e<img src=x onerror=window.ran=1>\ufeff\u00a0\uff1cscript\uff1e",
)
assert len(set(PAYLOADS)) == 40
STATES = ("done", "queued", "processing", "cancelled")
# Ends of addresses for the jobs of one payload, and for what else there is one of.
KINDS = (*STATES, "letter", "entry")


def id_of(number: int, kind: str) -> str:
    """Return the id of the job, dead letter or entry that holds the payload of this number."""
    return f"01890000-0000-7000-8000-{KINDS.index(kind):04d}{number:08d}"


def plant(site: Site) -> None:
    """Write each payload into every field that is text."""
    for number, payload in enumerate(PAYLOADS):
        plant_jobs(site, number, payload)
        plant_records(site, number, payload)


def moment(minutes: float) -> str:
    """Return a time from now, as SQLite files hold it."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def insert(site: Site, table: str, **columns: object) -> None:
    """Write one row."""
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    site.write(f"INSERT INTO {table} ({names}) VALUES ({marks})", [columns.values()])  # noqa: S608


def deep(payload: str) -> str:
    """Return JSON text with a payload in keys and values, at several depths."""
    return json.dumps({payload: [payload, {payload: {"x": payload}}], "y": {"z": [[payload]]}})


def traceback(payload: str) -> str:
    """Return a traceback with a payload in files, functions, lines and the message."""
    head = "Traceback (most recent call last):"
    frames = (
        f'  File "{folder}{payload}.py", line 1, in {payload}\n    {payload}'
        for folder in ("/srv/", "/usr/lib/python3.12/site-packages/x/")
    )
    return "\n".join((head, *frames, f"{payload}: {payload}"))


def job_of(payload: str) -> dict[str, object]:
    """Return what jobs and dead letters have in common."""
    return {
        "job_name": payload,
        "queue": payload,
        "priority": 100,
        "args": deep(payload),
        "attempts": 2,
        "max_attempts": 5,
        "scheduled_at": moment(-50),
        "created_at": moment(-60),
        "started_at": moment(-40),
        "worker_id": payload,
        "last_error": payload,
        "last_traceback": traceback(payload),
        "headers": json.dumps({payload: payload}),
    }


def plant_jobs(site: Site, number: int, payload: str) -> None:
    """Write a job in each state, a dead letter, and their attempts."""
    for kind in STATES:
        given = {"id": id_of(number, kind), "status": kind, "unique_key": payload}
        if kind in {"done", "cancelled"}:
            given |= {"finished_at": moment(-30)}
        if kind == "done":
            given |= {"result": deep(payload), "result_error": payload}
        insert(site, "soniq_jobs", **job_of(payload), **given)
    letter = {"id": id_of(number, "letter"), "finished_at": moment(-30), "reason": payload}
    insert(site, "soniq_dead_letter_jobs", **job_of(payload), **letter)
    for kind in (*STATES, "letter"):
        insert(
            site, "soniq_attempts", job_id=id_of(number, kind), fence=1, attempt=1,
            worker_id=payload, outcome="retry", started_at=moment(-45), finished_at=moment(-44),
            error=payload, traceback=traceback(payload),
        )  # fmt: skip


def plant_records(site: Site, number: int, payload: str) -> None:
    """Write a worker, a schedule, a pause, an entry of the audit log, and a rollup."""
    names = json.dumps([payload])
    insert(
        site, "soniq_workers", id=payload, hostname=payload, pid=1, queues=names, concurrency=2,
        tasks=names, started_at=moment(-90), renewed_at=moment(0), expires_at=moment(60),
        version=payload,
    )  # fmt: skip
    insert(
        site, "soniq_schedules", name=payload, origin="added", cron=payload, timezone=payload,
        missed="one", args=deep(payload), queue=payload, priority=1, max_attempts=1,
        unique_key=payload, anchor_at=moment(-90), next_at=moment(60), last_at=moment(-60),
        last_job_id=payload, created_at=moment(-90), updated_at=moment(-90),
    )  # fmt: skip
    insert(
        site, "soniq_schedule_ticks", name=payload, tick_at=moment(-60), fired_at=moment(-60),
        job_id=payload,
    )  # fmt: skip
    insert(
        site, "soniq_paused_queues", queue=payload, paused_at=moment(-5), paused_by=payload,
        reason=payload,
    )  # fmt: skip
    insert(
        site, "soniq_audit", id=id_of(number, "entry"), at=moment(0), actor=payload,
        action=payload, target=payload, detail=deep(payload),
    )  # fmt: skip
    insert(
        site, "soniq_rollups", minute=moment(-5)[:17] + "00.000000Z", worker_id=payload,
        queue=payload, job_name=payload, outcome="complete", count=1, wait_seconds=1.0,
        run_seconds=1.0, waits=json.dumps([1] + [0] * 12), runs=json.dumps([1] + [0] * 12),
    )  # fmt: skip
