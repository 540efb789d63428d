"""What ``soniq --help`` prints. Nothing is imported for it, so that it comes at once."""

from __future__ import annotations

DESCRIPTION = "Background jobs for Python in the database that you already have."

COMMANDS = {
    "Get going": {
        "demo": "See a few thousand real jobs run, here and now.",
        "setup": "Make Soniq's tables, or bring them up to date.",
        "worker": "Run jobs until SIGTERM or Ctrl-C.",
        "completion": "Let a shell complete commands and options.",
        "scheduler": "Fire recurring jobs until SIGTERM or Ctrl-C.",
    },
    "Look": {
        "status": "Show the database, its queues and its workers.",
        "why": "Say why a job is not running: soniq why ID",
        "top": "Watch queues, workers and running jobs.",
        "dashboard": "Look at all of it in a browser.",
        "jobs": "Look at jobs, ask why one waits, retry or cancel.",
        "queues": "Look at queues, pause them.",
        "workers": "Look at workers, quiet or stop them.",
        "schedules": "Look at recurring jobs, pause or run them.",
        "audit": "List what people did to jobs, queues and schedules.",
        "doctor": "Find out what is wrong, and what to do.",
        "config": "Show the settings and where they come from.",
        "migrate-status": "Show the steps of the schema.",
    },
    "Put right": {
        "dead-letter": "Look at jobs that will not run again by themselves.",
    },
}
OPTIONS = {
    "-h, --help": "Show this, or all about one: soniq worker --help",
    "--version": "Show the version.",
    "--debug": "Show tracebacks of errors: soniq --debug status",
}
ENDING = """\
The database: --database-url or SONIQ_DATABASE_URL, else soniq.db here.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a check found problems,
4 database unreachable, 5 not found."""


def overview() -> str:
    """Return the commands, by what they are for, and the options of all of them."""
    sections = {**COMMANDS, "Options": OPTIONS}
    width = max(len(name) for rows in sections.values() for name in rows)
    lines = ["Usage: soniq COMMAND [OPTIONS]", "", DESCRIPTION, ""]
    for title, rows in sections.items():
        lines += [f"{title}:", *(f"  {name:<{width}}  {text}" for name, text in rows.items()), ""]
    return "\n".join([*lines, ENDING])
