"""The files that start Soniq: their commands are real ones, and nobody is killed too early."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from soniq.cli.commands import app
from soniq.cli.exits import Exit
from soniq.settings import Settings
from tests.architecture.sources import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
MANIFESTS = sorted(DEPLOY.glob("kubernetes/*.yaml"))
COMPOSE = DEPLOY / "compose" / "compose.yaml"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
SOURCES = [*UNITS, *MANIFESTS, COMPOSE, ALERTS]
# Longer than shutdown_timeout by what a worker takes to write its last outcomes.
NEEDED = Settings.model_fields["shutdown_timeout"].default + 5
SECONDS = re.compile(r"(\d+)s?")


def unit(path: Path) -> configparser.SectionProxy:
    """Return the section on the service of a unit of systemd."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path, "utf-8")
    return parser["Service"]


def documents(path: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def pods() -> Iterator[dict[str, Any]]:
    """Yield what the pods of all manifests are made of."""
    for path in MANIFESTS:
        for document in documents(path):
            if document["kind"] in {"Deployment", "Job"}:
                yield document["spec"]["template"]["spec"]


def commands(path: Path) -> list[list[str]]:
    """Return the commands of Soniq in a file, as lists of words from ``soniq`` on."""
    if path in UNITS:
        program, *words = shlex.split(unit(path)["ExecStart"])
        return [[Path(program).name, *words]]
    if path == COMPOSE:
        services = documents(path)[0]["services"].values()
        return [service["command"] for service in services if "command" in service]
    if path == ALERTS:
        quoted = re.findall(r"`(soniq [^`]+)`", path.read_text("utf-8"))
        return [shlex.split(re.sub(r"\{\{.*?\}\}", "x", text)) for text in quoted]
    found = [
        container["command"]
        for document in documents(path)
        if document["kind"] in {"Deployment", "Job"}
        for container in document["spec"]["template"]["spec"]["containers"]
    ]
    return [[str(word) for word in command] for command in found]


def refusal(words: list[str]) -> str:
    """Return why the command line would not take these words, or nothing; nothing is run."""
    command: Any = typer.main.get_command(app)
    name, *rest = words
    assert name == "soniq"
    while hasattr(command, "commands"):
        name, *rest = rest
        if name not in command.commands:
            return f"no command {name}"
        command = command.commands[name]
    try:
        command.make_context(name, rest)
    except Exception as error:
        if getattr(error, "exit_code", None) != Exit.USAGE:
            raise
        return str(error)
    return ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_command_is_a_real_one(path: Path) -> None:
    """The command line of this very version takes it, with all its options."""
    assert [why for why in map(refusal, commands(path)) if why] == []


def test_files_that_start_something_are_found() -> None:
    """The check looks at commands: some in each file that is to have any."""
    silent = [path.name for path in SOURCES if not commands(path)]
    assert silent == ["secret.example.yaml"]


@pytest.mark.parametrize(
    "words", ["worker --proceses 4", "wroker", "worker --concurrency many", "jobs show"]
)
def test_wrong_commands_are_found(words: str) -> None:
    """The check can fail: an option, a command, a value that there is not, one that is missing."""
    assert refusal(["soniq", *words.split()])


def grace() -> Iterator[tuple[str, float]]:
    """Yield how long each worker gets to end, wherever one is started."""
    for path in UNITS:
        if "soniq worker" in unit(path)["ExecStart"]:
            yield path.name, float(unit(path)["TimeoutStopSec"])
    for pod in pods():
        if "worker" in pod["containers"][0]["command"]:
            yield "kubernetes", pod["terminationGracePeriodSeconds"]
    worker = documents(COMPOSE)[0]["services"]["worker"]
    found = SECONDS.fullmatch(worker["stop_grace_period"])
    assert found is not None
    yield "compose", float(found[1])


def test_workers_get_the_time_that_they_need() -> None:
    """Everywhere more than ``shutdown_timeout``, so that no job has to be rescued."""
    given = dict(grace())
    assert len(given) == 3
    assert {where: seconds for where, seconds in given.items() if seconds < NEEDED} == {}


def test_probes_ask_at_the_port_of_the_metrics() -> None:
    """Where a pod is asked for its health, its command serves that, on all addresses."""
    asked = 0
    for pod in pods():
        [container] = pod["containers"]
        probes = [value for name, value in container.items() if name.endswith("Probe")]
        for get in [probe["httpGet"] for probe in probes if "httpGet" in probe]:
            asked += 1
            assert get["path"] in {"/healthz", "/readyz"}
            [port] = [p["containerPort"] for p in container["ports"] if p["name"] == get["port"]]
            words = container["command"]
            assert words[words.index("--metrics-port") + 1] == str(port)
            assert words[words.index("--metrics-host") + 1] == "0.0.0.0"  # noqa: S104
    assert asked == 6


def test_pods_may_do_little() -> None:
    """No root, no more rights than at the start, no writing but where it is said."""
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        [container] = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_units_may_do_little() -> None:
    """The same for services of systemd; and wrong settings are no reason to start again."""
    for path in UNITS:
        service = unit(path)
        assert service["NoNewPrivileges"] == "yes"
        assert service["ProtectSystem"] == "strict"
        assert service["User"] == "soniq"
        assert service["RestartPreventExitStatus"] == "2"


def test_settings_of_the_files_are_real_ones() -> None:
    """Every ``SONIQ_…`` name in any file is one that somebody reads."""
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    named = {
        name for path in files for name in re.findall(r"SONIQ_([A-Z_]+)", path.read_text("utf-8"))
    }
    assert {"DATABASE_URL", "ENVIRONMENT"} <= named
    assert {name.lower() for name in named} - Settings.model_fields.keys() == set()
