"""``@app.job()``: every option, default, alias, range and misuse."""

from __future__ import annotations

import functools
import importlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from soniq import Soniq, TaskRef, task_ref
from soniq.errors import (
    DuplicateTaskName,
    InvalidHandler,
    InvalidOption,
    InvalidTaskName,
    UnknownOption,
    UnknownTask,
)
from soniq.retry import RetryPolicy
from soniq.task import find_handler


@pytest.fixture
def app() -> Soniq:
    """Make an app that needs no database."""
    return Soniq(backend="memory")


class Mail(BaseModel):
    """A model."""

    to: str


async def send(to: str) -> None:
    """Send a mail."""


def generate_nothing() -> None:
    """Do nothing."""


def test_defaults(app: Soniq) -> None:
    """Without options a task has the documented defaults and the name of its function."""
    task = app.job()(send)
    options = task.settings
    assert task.name == f"{__name__}.send"
    assert (options.queue, options.priority, options.max_attempts) == ("default", 100, 4)
    assert (options.unique, options.timeout, options.model) == (False, 300.0, None)
    assert options.retry == RetryPolicy()
    assert repr(task) == f"<Task {__name__}.send>"
    assert len(app.registry) == 1


def test_local_functions_get_their_qualname(app: Soniq) -> None:
    """A lambda or a function inside a function is named as Python names it."""
    assert (
        app.job()(lambda: None).name
        == f"{__name__}.{test_local_functions_get_their_qualname.__name__}.<locals>.<lambda>"
    )


def test_every_option(app: Soniq) -> None:
    """Each option ends up where it belongs."""
    task = app.job(
        name="mail.send",
        retries=5,
        priority=10,
        queue="urgent",
        unique=True,
        retry_delay=[1, 5.5],
        retry_backoff=True,
        retry_max_delay=60,
        retry_jitter=0.1,
        timeout=0,
        validate=Mail,
    )(send)
    options = task.settings
    assert (task.name, options.queue, options.priority) == ("mail.send", "urgent", 10)
    assert (options.max_attempts, options.unique, options.timeout) == (6, True, 0.0)
    assert options.retry == RetryPolicy((1.0, 5.5), backoff=True, max_delay=60.0, jitter=0.1)
    assert options.model is Mail


def test_aliases(app: Soniq) -> None:
    """max_retries and args_model are other names for retries and validate."""
    task = app.job(max_retries=1, args_model=Mail)(send)
    assert (task.settings.max_attempts, task.settings.model) == (2, Mail)


def test_settings_are_the_defaults_of_tasks() -> None:
    """What an option leaves open comes from the app's settings."""
    app = Soniq(backend="memory", max_retries=0, priority=7, job_timeout=12)
    options = app.job(timeout=None)(send).settings
    assert (options.max_attempts, options.priority, options.timeout) == (1, 7, 12.0)


MISUSES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"retrys": 3}, UnknownOption, "Did you mean 'retries'"),
    ({"colour": 3}, UnknownOption, "Known: name"),
    ({"retries": 1, "max_retries": 1}, UnknownOption, "same option"),
    ({"validate": Mail, "args_model": Mail}, UnknownOption, "same option"),
    ({"retries": -1}, InvalidOption, "0 or more"),
    ({"retries": 1.5}, InvalidOption, "whole number"),
    ({"retries": True}, InvalidOption, "whole number"),
    ({"priority": 0}, InvalidOption, "1 .first. to 1000"),
    ({"priority": 1001}, InvalidOption, "1000"),
    ({"queue": ""}, InvalidOption, "not empty"),
    ({"queue": " "}, InvalidOption, "not empty"),
    ({"queue": "a\tb"}, InvalidOption, "control characters"),
    ({"queue": "q" * 256}, InvalidOption, "255"),
    ({"queue": 5}, InvalidOption, "text"),
    ({"unique": 1}, InvalidOption, "True or False"),
    ({"retry_delay": []}, InvalidOption, "at least one"),
    ({"retry_delay": -1}, InvalidOption, "retry_delay"),
    ({"retry_delay": [1, float("nan")]}, InvalidOption, "finite"),
    ({"retry_delay": "5"}, InvalidOption, "number of seconds"),
    ({"retry_delay": True}, InvalidOption, "number of seconds"),
    ({"retry_max_delay": float("inf")}, InvalidOption, "finite"),
    ({"retry_jitter": 2}, InvalidOption, "0 to 1"),
    ({"timeout": -1}, InvalidOption, "timeout"),
    ({"validate": dict}, InvalidOption, "BaseModel"),
    ({"name": ""}, InvalidTaskName, "not empty"),
    ({"name": "Mail.Send"}, InvalidTaskName, "lower-case"),
    ({"name": "mail send"}, InvalidTaskName, "users.send_email"),
    ({"name": "n" * 256}, InvalidTaskName, "255"),
]


@pytest.mark.parametrize(("options", "error", "match"), MISUSES, ids=lambda value: str(value)[:40])
def test_misuse_is_refused_at_registration(
    app: Soniq, options: dict[str, Any], error: type[Exception], match: str
) -> None:
    """Unknown options are TypeErrors with the nearest name, bad values are ValueErrors."""
    with pytest.raises(error, match=match) as caught:
        app.job(**options)(send)
    assert isinstance(caught.value, TypeError if error is UnknownOption else ValueError)
    assert len(app.registry) == 0


def test_forgotten_parentheses(app: Soniq) -> None:
    """@app.job without parentheses says what to write."""
    with pytest.raises(TypeError, match=r"@app\.job\(\)"):
        app.job(send)


def generate() -> Any:
    """Yield."""
    yield 1


def by_position(a: int, /) -> None:
    """Take an argument by position only."""


@pytest.mark.parametrize(
    ("handler", "match"), [(42, "not a function"), (generate, "generator"), (by_position, "'/'")]
)
def test_what_cannot_be_a_handler(app: Soniq, handler: Any, match: str) -> None:
    """What a worker could not call by name is refused with the cure."""
    with pytest.raises(InvalidHandler, match=match):
        app.job(name="a.b")(handler)


@pytest.mark.parametrize("executor", [None, "async"])
def test_executor_of_coroutine_functions(app: Soniq, executor: Any) -> None:
    """They run on the event loop; saying so changes nothing."""
    assert app.job(executor=executor)(send).executor == "async"


@pytest.mark.parametrize("executor", [None, "thread"])
def test_executor_of_plain_functions(app: Soniq, executor: Any) -> None:
    """They run in a thread; saying so changes nothing."""
    assert app.job(executor=executor)(generate_nothing).executor == "thread"


@pytest.mark.parametrize("handler", [send, generate_nothing])
def test_executor_process_takes_both_kinds(app: Soniq, handler: Any) -> None:
    """Whatever can be found by module and name."""
    assert app.job(executor="process")(handler).executor == "process"


@pytest.mark.parametrize(
    ("handler", "executor", "match"),
    [
        (send, "thread", "is a coroutine function, which runs as 'async'"),
        (generate_nothing, "async", "is a plain function, which runs as 'thread'"),
    ],
)
def test_executor_that_does_not_suit(app: Soniq, handler: Any, executor: Any, match: str) -> None:
    """A function that can't run there is refused with the cure."""
    with pytest.raises(InvalidOption, match=match):
        app.job(executor=executor)(handler)
    assert len(app.registry) == 0


@pytest.mark.parametrize("executor", ["fork", "", 1, ["process"]])
def test_unknown_executor(app: Soniq, executor: Any) -> None:
    """The message lists those that there are."""
    with pytest.raises(InvalidOption, match="'thread' or 'process'"):
        app.job(executor=executor)


def nested() -> Any:
    """Return a function that no other process can find."""

    def inner() -> None: ...

    return inner


@pytest.mark.parametrize(
    ("handler", "match"),
    [
        (lambda: None, "is a lambda"),
        (nested(), "is defined inside a function"),
        (functools.partial(send, to="x"), "has no module and name"),
    ],
)
def test_what_another_process_cannot_find(app: Soniq, handler: Any, match: str) -> None:
    """It is refused at registration, with the reason and the cure."""
    with pytest.raises(InvalidHandler, match=match) as caught:
        app.job(name="a.b", executor="process")(handler)
    assert "at the top of a module" in str(caught.value)
    assert len(app.registry) == 0


def test_handler_of_an_interactive_session(app: Soniq, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was typed in can't be imported again."""
    monkeypatch.setattr(generate_nothing, "__module__", "__main__")
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    with pytest.raises(InvalidHandler, match="interactive session"):
        app.job(executor="process")(generate_nothing)


def test_name_in_the_main_script_is_the_same_everywhere(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python calls the main script ``__mp_main__`` where another process imports it."""
    monkeypatch.setattr(generate_nothing, "__module__", "__mp_main__")
    assert app.job()(generate_nothing).name == "__main__.generate_nothing"


def traced(function: Any) -> Any:
    """Wrap a function as decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def test_handlers_are_found_again(app: Soniq, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decorated or not, and through decorators above: the handler of the task, as it was."""
    module = sys.modules[__name__]
    assert find_handler(__name__, "generate_nothing", "a.b") is generate_nothing
    task = app.job(name="a.b")(traced(generate_nothing))
    for shown in (task, traced(task)):
        monkeypatch.setattr(module, "generate_nothing", shown)
        assert find_handler(__name__, "generate_nothing", "a.b") is task.handler
    monkeypatch.setattr(module, "generate_nothing", task)
    with pytest.raises(InvalidHandler, match="found again"):
        find_handler(__name__, "generate_nothing", "another.task")


def test_callable_objects_and_partials(app: Soniq) -> None:
    """Whatever can be called can be a handler; it is async if awaiting it makes sense."""

    class Greeter:
        async def __call__(self, name: str) -> str:
            return name

    assert app.job(name="a.object")(Greeter()).is_async
    assert app.job(name="a.partial")(functools.partial(send, to="x")).is_async
    assert not app.job(name="a.print")(functools.partial(print)).is_async


def test_one_name_for_two_functions(app: Soniq) -> None:
    """A taken name is refused, and the message names both functions."""
    app.job(name="mail.send")(send)
    with pytest.raises(DuplicateTaskName, match="test_defining"):
        app.job(name="mail.send")(generate_nothing)
    assert app.registry.get("mail.send").handler is send


def test_module_reload_replaces_the_task(
    app: Soniq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very same function, loaded anew, takes its own place."""
    (tmp_path / "reloaded_jobs.py").write_text("def work():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "reloaded_jobs", raising=False)
    module = importlib.import_module("reloaded_jobs")
    first = app.job()(module.work)
    second = app.job()(importlib.reload(module).work)
    assert first is not second
    assert app.registry.get("reloaded_jobs.work") is second
    assert app.registry.names == ("reloaded_jobs.work",)


def test_unknown_names(app: Soniq) -> None:
    """The registry suggests the nearest name, or says what may be missing."""
    app.job(name="mail.send")(send)
    with pytest.raises(UnknownTask, match="Did you mean"):
        app.registry.get("mail.sent")
    with pytest.raises(UnknownTask, match="Import the module"):
        app.registry.get("zzz")


@pytest.mark.parametrize("options", [{"priority": 0}, {"queue": ""}, {"retries": -1}])
def test_task_ref_is_checked_when_it_is_made(options: dict[str, Any]) -> None:
    """A TaskRef with a bad option is refused where it is written."""
    with pytest.raises(InvalidOption):
        task_ref("a.b", **options)
    with pytest.raises(InvalidTaskName):
        task_ref("")
    assert task_ref("a.b", queue="q") == TaskRef("a.b", queue="q")


def test_options_of_a_call_are_known_ones(app: Soniq) -> None:
    """task.options() refuses what enqueueing does not know."""
    task = app.job()(send)
    with pytest.raises(UnknownOption, match="queue"):
        task.options(queeu="x")  # type: ignore[call-arg]  # the point


async def test_positional_arguments_are_refused(app: Soniq) -> None:
    """Arguments travel by name, also through task.enqueue()."""
    task = app.job()(send)
    with pytest.raises(TypeError, match="by name"):
        await task.enqueue("a@example.com")
