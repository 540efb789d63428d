"""What a worker and the processes of its jobs say to each other."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniq import JobContext
from soniq.errors import ConfigurationError, HandlerFailed, HandlerFailedForGood
from soniq.outcome import Failure, Raised, Snooze
from soniq.worker.runners import Encoded, child
from soniq.worker.runners.pipe import (
    LENGTH,
    Message,
    Unpacker,
    cause_of_end,
    pack,
    read_context,
    write_context,
)
from soniq.worker.runners.process import read_answer
from soniq.worker.unguarded import importing_main, refuse_workers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
JOBS = "tests.support.process_jobs"


@given(messages=st.lists(st.dictionaries(st.text(), JSON), max_size=5), piece=st.integers(1, 9))
def test_messages_arrive_in_whatever_pieces(messages: list[Message], piece: int) -> None:
    """Each arrives once, whole and in order, however the bytes are cut."""
    data = b"".join(map(pack, messages))
    unpacker = Unpacker()
    arrived: list[Message] = []
    for start in range(0, len(data), piece):
        arrived += unpacker.feed(data[start : start + piece])
    assert arrived == messages


def test_what_is_no_message_is_refused() -> None:
    """Bytes that a handler wrote to a file that is not its own."""
    with pytest.raises(ValueError, match="Expecting"):
        list(Unpacker().feed(LENGTH.pack(3) + b"{{{"))


@given(
    context=st.builds(
        JobContext,
        job_id=st.text(),
        job_name=st.text(st.characters()),
        attempt=st.integers(1, 9),
        max_attempts=st.integers(1, 9),
        queue=st.text(),
        worker_id=st.none() | st.text(),
        scheduled_at=MOMENTS,
        created_at=MOMENTS,
    )
)
def test_context_arrives_equal(context: JobContext) -> None:
    """Every field, through the bytes."""
    [message] = Unpacker().feed(pack(write_context(context)))
    assert read_context(message) == context


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (0, "ended with exit code 0"),
        (3, "ended with exit code 3"),
        (255, "ended with exit code 255"),
        (-signal.SIGSEGV, "was killed by SIGSEGV"),
        (-signal.SIGKILL, "was killed by SIGKILL (the system may have run out of memory)"),
        (-63, "was killed by signal 63"),
    ],
)
def test_cause_of_end(code: int, cause: str) -> None:
    """The signal has its name, and SIGKILL the cause that is most likely."""
    assert cause_of_end(code) == f"the process of this job {cause}"


def test_answers() -> None:
    """Each answer becomes what the handler gave or raised."""
    assert read_answer({}) is None
    assert read_answer({"snooze": 1.5}) == Snooze(1.5)
    assert read_answer({"result": "[1]", "problem": None}) == Encoded("[1]", None, [1])
    assert read_answer({"result": None, "problem": "no"}) == Encoded(None, "no", None)


@pytest.mark.parametrize(
    ("permanent", "kind"), [(False, HandlerFailed), (True, HandlerFailedForGood)]
)
def test_failures_keep_their_text(permanent: bool, kind: type[HandlerFailed]) -> None:
    """What is stored is what happened there, without a word about the way here."""
    answer = {"summary": "Odd: x", "traceback": "Traceback …", "permanent": permanent}
    with pytest.raises(kind) as caught:
        read_answer(answer)
    assert type(caught.value) is kind
    assert Raised.by(caught.value) == Raised(Failure("Odd: x", "Traceback …"), permanent)


# --- the other end, in a thread -------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[socket.socket]:
    """Serve as a process for jobs does, and hang up in the end."""
    ours, theirs = socket.socketpair()
    server = threading.Thread(target=child.serve, args=(theirs,))
    server.start()
    yield ours
    ours.shutdown(socket.SHUT_RDWR)
    server.join()
    ours.close()
    theirs.close()


def ask(pipe: socket.socket, qualname: str, **question: Any) -> Message:
    """Return the answer to a question."""
    pipe.sendall(pack({"module": JOBS, "qualname": qualname, "task": "a.b", **question}))
    unpacker = Unpacker()
    while True:
        for answer in unpacker.feed(pipe.recv(4096)):
            return answer


def context() -> Message:
    """Return the context of some job."""
    return write_context(
        JobContext("id", "a.b", 2, 3, "q", "w", None, datetime.now(UTC) - timedelta(seconds=1))
    )


def test_a_handler_is_found_and_called(pipe: socket.socket) -> None:
    """Without arguments it is only found."""
    assert ask(pipe, "length") == {}
    answer = ask(pipe, "length", args='{"text": "abc"}', context=context())
    assert answer == {"result": "3", "problem": None}
    answer = ask(pipe, "of_context", args="{}", context=context())
    assert '"attempt":2' in answer["result"].replace(" ", "")


def test_whatever_goes_wrong_is_an_answer(pipe: socket.socket) -> None:
    """A handler that is not there, arguments that do not fit, and what a handler raises."""
    assert "can't be found again" in ask(pipe, "nowhere")["summary"]
    assert "can't be found again" in ask(pipe, "Order.nothing")["summary"]
    misfit = ask(pipe, "length", args='{"txt": 1}', context=context())
    assert misfit["summary"].startswith("InvalidArguments")
    left = ask(pipe, "leave", args='{"code": 3}', context=context())
    assert (left["summary"], left["permanent"]) == ("SystemExit: 3", False)
    assert ask(pipe, "fail_for_good", args="{}", context=context())["permanent"]
    assert ask(pipe, "snooze", args='{"seconds": 5}', context=context()) == {"snooze": 5.0}
    assert "object" in ask(pipe, "unstorable", args="{}", context=context())["problem"]


def test_workers_are_refused_only_while_the_script_is_imported() -> None:
    """Before and after that anybody may start one."""
    refuse_workers()
    with importing_main(), pytest.raises(ConfigurationError, match="__name__ == '__main__'"):
        refuse_workers()
    refuse_workers()
