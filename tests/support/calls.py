"""What random calls to a backend are made of (strategies for Hypothesis)."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st

from soniq.backends.contract import Queues
from soniq.outcome import Bury, Complete, Crash, Failure, Outcome, Reason, Release, Retry, Snooze

NAMES = ("mail.send", "shop.pay", "gone.task")
QUEUES = ("a", "b", "c")
WORKERS = tuple(str(UUID(int=0xA000 + n)) for n in range(3))

names = st.sampled_from(NAMES)
queue_names = st.sampled_from(QUEUES)
mostly_all: st.SearchStrategy[Queues] = st.sampled_from([None, None, None, ("b", "a"), ("a",)])
served: st.SearchStrategy[Queues] = st.one_of(
    st.none(), st.lists(queue_names, max_size=3).map(tuple)
)
workers = st.sampled_from(WORKERS)
unknown = st.sampled_from([[], [], [], ["gone.task"], ["mail.send", "shop.pay"]])
picks = st.integers(0, 1000)
seconds = st.sampled_from([0.0, 0.5, 29.999999, 3600.0])
failures = st.sampled_from([Failure("ValueError: oops", "Traceback …"), Failure("E", None)])
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.sampled_from(["1", "null", '{"x": [1.5, "ü"]}', None]).map(Complete),
    st.builds(Retry, seconds, failures),
    st.builds(Snooze, seconds),
    st.just(Release()),
    st.builds(Crash, failures),
    st.builds(Bury, st.sampled_from([Reason.TIMEOUT, Reason.WORKER_CRASHED]), failures),
)
requests = st.fixed_dictionaries(
    {
        "job_name": names,
        "queue": queue_names,
        "priority": st.sampled_from([1, 100, 1000]),
        "args": st.sampled_from(["{}", '{"n": 1e308}', '{"b": 1, "a": [null, "ü"]}']),
        "max_attempts": st.sampled_from([1, 2, 4]),
        "delay": st.sampled_from([0.0, 0.0, 0.0, 0.5, 60.0]),
        "unique_key": st.sampled_from([None, "k", "l"]),
    }
)
