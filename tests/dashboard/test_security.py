"""The decisions of the guard, one by one."""

from __future__ import annotations

import pytest

from soniq.dashboard import security
from soniq.dashboard.problem import Refused
from soniq.errors import ConfigurationError

OURS = ("jobs.example.com", "*.shop.test", "inside:8443")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:6161",
        "LOCALHOST",
        "localhost.",
        "dev.localhost:80",
        "127.0.0.1:6161",
        "127.9.9.9",
        "[::1]:6161",
        "[::ffff:127.0.0.1]",
        "jobs.example.com",
        "JOBS.example.com:443",
        "a.shop.test",
        "a.b.shop.test",
        "inside:8443",
    ],
)
def test_names_of_this_computer_and_named_ones_are_ours(host: str) -> None:
    """Loopback names need no mention; others have to be named."""
    security.check_host(host, OURS)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "example.com",
        "xjobs.example.com",
        "jobs.example.com.evil.example",
        "shop.test",
        "evilshop.test",
        "inside",
        "inside:1",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "10.0.0.1",
        "[::]",
        "user@localhost",
        "localhost/x",
        "localhost#evil",
        "localhost:port",
        "[::1",
        "localhost:99999",
    ],
)
def test_a_foreign_host_is_misdirected(host: str | None) -> None:
    """Anything else is answered with 421: DNS may lead a foreign name here."""
    with pytest.raises(Refused) as refused:
        security.check_host(host, OURS)
    assert refused.value.problem.status == 421


def test_any_host_will_do_only_where_everybody_says_who_they_are() -> None:
    """``*`` is refused without authentication."""
    assert security.check_patterns(["*", "A.example"], closed=True) == ("*", "a.example")
    security.check_host("whatever.example", ("*",))
    with pytest.raises(ConfigurationError, match="authentication"):
        security.check_patterns(["*"], closed=False)


@pytest.mark.parametrize("host", ["", "http://jobs.example.com", "a/b", "a b@c"])
def test_what_is_no_host_name_is_refused_at_once(host: str) -> None:
    """A wrong pattern is an error of configuration, not one that shows when somebody comes."""
    with pytest.raises(ConfigurationError, match="host name"):
        security.check_patterns([host], closed=True)


@pytest.mark.parametrize("client", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_clients_of_this_computer_are_served(client: str) -> None:
    """Every address of the loopback interface counts."""
    security.check_client(client, {})


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (None, {}),
        ("", {}),
        ("10.0.0.1", {}),
        ("::", {}),
        ("testclient", {}),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}),
        ("127.0.0.1", {"forwarded": "for=203.0.113.9"}),
        ("127.0.0.1", {"x-real-ip": "203.0.113.9"}),
    ],
)
def test_others_are_not_served_without_authentication(
    client: str | None, headers: dict[str, str]
) -> None:
    """Nor is anybody through a proxy: there it would be the proxy that is on this computer."""
    with pytest.raises(Refused) as refused:
        security.check_client(client, headers)
    assert refused.value.problem.status == 403


@pytest.mark.parametrize("query", ["key=x", "q=a&API_KEY=x", "token=", "access_token=x&limit=1"])
def test_a_key_in_a_url_is_refused(query: str) -> None:
    """Whatever it is called, and whether or not it is the right one."""
    with pytest.raises(Refused, match="header") as refused:
        security.check_address("/", query)
    assert refused.value.problem.status == 400


def test_other_queries_pass() -> None:
    """Words that only look like a key in their values are searches."""
    security.check_address("/", "q=token:abc+key&after=1&limit=5")


@pytest.mark.parametrize(
    ("site", "origin", "host"),
    [
        (None, None, "localhost:6161"),
        ("same-origin", None, "localhost"),
        ("same-origin", "http://localhost:6161", "localhost:6161"),
        (None, "http://localhost", "localhost"),
        (None, "https://jobs.example.com", "jobs.example.com"),
        (None, "https://jobs.example.com", "jobs.example.com:443"),
        (None, "http://[::1]:6161", "[::1]:6161"),
    ],
)
def test_the_same_origin_may_write(site: str | None, origin: str | None, host: str) -> None:
    """Also behind a proxy that ends TLS, and from a client that is no browser."""
    security.check_same_origin(site, origin, host)


@pytest.mark.parametrize(
    ("site", "origin", "host"),
    [
        ("cross-site", None, "localhost"),
        ("same-site", None, "localhost"),
        ("none", None, "localhost"),
        ("cross-site", "http://localhost", "localhost"),
        (None, "null", "localhost"),
        (None, "", "localhost"),
        (None, "http://evil.example", "localhost"),
        (None, "http://localhost:8000", "localhost:6161"),
        (None, "http://localhost", "localhost:6161"),
        (None, "file://localhost", "localhost"),
        (None, "http://localhost@evil.example", "localhost"),
        (None, "http://localhost.evil.example", "localhost"),
    ],
)
def test_another_origin_may_not(site: str | None, origin: str | None, host: str) -> None:
    """Neither a foreign site nor another port of this computer."""
    with pytest.raises(Refused) as refused:
        security.check_same_origin(site, origin, host)
    assert refused.value.problem.status == 403


@pytest.mark.parametrize("path", ["/", "/jobs?q=a%20b&after=1", "/jobs/x#error", "/a//b"])
def test_a_path_of_ours_may_come_next(path: str) -> None:
    """Paths of this server pass as they are."""
    assert security.local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "jobs",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "http://evil.example",
        "/a\\b",
        "/\tx",
        "/a\r\nSet-Cookie: x=1",
        " /a",
        "javascript:alert(1)",
        "/a b",
    ],
)
def test_nothing_else_comes_next(path: str) -> None:
    """No form leads away from here."""
    assert security.local_path(path) is None


def test_a_form_is_read_once() -> None:
    """Of two fields with one name the first counts, where only one can be meant."""
    fields = security.read_form(b"a=1&b=%C3%A9+x&a=2&c=")
    assert fields == [("a", "1"), ("b", "é x"), ("a", "2"), ("c", "")]
    assert security.first_of_each(fields) == {"a": "1", "b": "é x", "c": ""}


def test_no_address_holds_a_nul() -> None:
    """What no database can look for is refused before one is asked."""
    for path, query, status in (("/a\0b", "", 404), ("/", "q=a%00", 400), ("/", "%00=1", 400)):
        with pytest.raises(Refused) as refused:
            security.check_address(path, query)
        assert refused.value.problem.status == status


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%00", b"&".join(b"a=1" for _ in range(101))])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    """Neither other encodings nor endless fields."""
    with pytest.raises(Refused) as refused:
        security.read_form(body)
    assert refused.value.problem.status == 400


def test_a_short_key_is_refused() -> None:
    """A key that could be guessed is an error of configuration, and is not shown."""
    security.check_key(None)
    security.check_key("x" * 16)
    with pytest.raises(ConfigurationError, match="15 characters") as refused:
        security.check_key("hunter2hunter2h")
    assert "hunter2" not in str(refused.value)
