"""What runs in the process of a job: find the handler, restore its arguments, call it, answer."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import importlib
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from soniq.arguments import ArgumentCodec, encode_result
from soniq.context import RUNNING, RunElsewhere
from soniq.errors import PermanentFailure
from soniq.handler import is_async
from soniq.outcome import Failure, Snooze
from soniq.task import find_handler
from soniq.worker.runners.pipe import Message, Unpacker, pack, read_context
from soniq.worker.unguarded import importing_main

PR_SET_PDEATHSIG = 1
CHUNK = 1 << 18


def main(pipe: int) -> None:
    """Answer one question after the other until the worker has hung up or is gone."""
    connection = socket.socket(fileno=pipe)
    connection.set_inheritable(False)
    leave_signals_to_the_worker()
    end_with_the_worker(connection)
    with suppress(ConnectionError):
        serve(connection)


def serve(connection: socket.socket) -> None:
    """Answer the questions that arrive, until there are no more."""
    own, unpacker = os.getpid(), Unpacker()
    while data := connection.recv(CHUNK):
        for question in unpacker.feed(data):
            answer = pack(copy_context().run(react, question))
            if os.getpid() != own:
                os._exit(0)  # a copy that the handler has forked and that came back from there
            show_output()
            connection.sendall(answer)


def leave_signals_to_the_worker() -> None:
    """Ignore SIGINT and SIGTERM, which reach the whole group: the worker decides what they mean.

    By a function that does nothing, since programs that a handler starts would inherit SIG_IGN.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        signal.signal(number, ignore)
        signal.siginterrupt(number, False)  # noqa: FBT003 - the name of the call says it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def ignore(_number: int, _frame: object) -> None:
    """Do nothing about a signal."""


def end_with_the_worker(connection: socket.socket) -> None:
    """See to it that this process ends when its worker is gone, also in the middle of a handler."""

    def watch() -> None:
        poll = select.poll()
        poll.register(connection, select.POLLHUP)
        poll.poll()
        os._exit(1)

    threading.Thread(target=watch, name="soniq-worker-watch", daemon=True).start()
    if sys.platform == "linux":
        # The thread gets no turn while a handler holds the interpreter; the kernel needs none.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def show_output() -> None:
    """Let go of what was printed: the next job may be killed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # closed, or none at all


def react(question: Message) -> Message:
    """Return the answer to a question; whatever user code raises becomes one."""
    try:
        if "main" in question:
            import_main(question["main"])
        handler = find(question["module"], question["qualname"], question["task"])
        return handler.call(question) if "args" in question else {}
    except BaseException as error:  # noqa: BLE001 - the handler's, whatever it is
        failure = Failure.of(error)
        return {
            "summary": failure.summary,
            "traceback": failure.traceback,
            "permanent": isinstance(error, PermanentFailure),
        }


class Handler:
    """A handler as this process has found it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._is_async = is_async(function)
        self._arguments = ArgumentCodec(function)

    def call(self, question: Message) -> Message:
        """Call it and return the answer; raises what it raises."""
        context = read_context(question["context"])
        arguments = self._arguments.restore(question["args"])
        for name in self._arguments.context_parameters:
            arguments[name] = context
        RUNNING.set(RunElsewhere(context))
        unpack(question.get("luggage", ()))
        value = self._function(**arguments)
        if self._is_async:
            value = asyncio.run(value)
        return answer_of(value)


def unpack(luggage: Iterable[Message]) -> None:
    """Surround the handler by what surrounds it in the worker, as far as that can travel."""
    for piece in luggage:
        module = importlib.import_module(piece["module"])
        getattr(module, piece["qualname"])(piece["facts"])


@functools.cache
def find(module: str, qualname: str, task: str) -> Handler:
    """Return the handler at an address, imported once."""
    return Handler(find_handler(module, qualname, task))


def answer_of(value: Any) -> Message:
    """Return the answer that carries what a handler returned."""
    if isinstance(value, Snooze):
        return {"snooze": value.seconds}
    if value is None:
        return {"result": None, "problem": None}
    result, problem = encode_result(value)
    return {"result": result, "problem": problem}


def import_main(facts: Message) -> None:
    """Import the worker's main script under another name, so that it does not start again."""
    from multiprocessing import spawn  # noqa: PLC0415 - few need it

    with importing_main():
        spawn.prepare(facts)
