"""Which requests are served: decisions from what a request says of itself. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

from soniq.dashboard.problem import Refused
from soniq.errors import ConfigurationError

SAFE_METHODS = frozenset({"GET", "HEAD"})
LARGEST_BODY = 64 * 1024
MOST_FIELDS = 100
SHORTEST_KEY = 16
KEY_NAMES = frozenset({"key", "api_key", "apikey", "api-key", "token", "access_token"})
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")
DEFAULT_PORTS = {"http": 80, "https": 443}

# Scripts, styles and forms of this dashboard alone; nothing inline, nothing from elsewhere. No text
# becomes markup or script, but by the policy that soniq.js gives to htmx.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types soniq"
)
ANOTHER_SITE = "This request comes from another site; nothing was done."
# On every answer, whatever it is.
HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# Unless the answer says otherwise: what is seen here is nobody else's business.
CACHE_CONTROL = "no-store"


def is_loopback(address: str | None) -> bool:
    """Tell whether an address is one of this computer."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address == "localhost"
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def check_host(host: str | None, allowed: Sequence[str]) -> None:
    """Refuse a name that this dashboard does not go by: a page elsewhere may have sent it here.

    Raises:
        Refused: 421.
    """
    name, port = split_host(host or "")
    if name == "localhost" or name.endswith(".localhost") or is_loopback(name):
        return
    if name and any(fits(name, port, pattern) for pattern in allowed):
        return
    message = (
        "This dashboard does not go by the host name of this request. If it should, name it in "
        "SONIQ_DASHBOARD_HOSTS (hosts= of create_dashboard_app)."
    )
    raise Refused(421, message)


def as_host(address: str) -> str:
    """Return an address as it stands in a Host header: IPv6 in brackets."""
    return f"[{address}]" if ":" in address and not address.startswith("[") else address


def split_host(host: str) -> tuple[str, int | None]:
    """Return the name and the port of a Host header; an empty name if it can't be one."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return "", None
    odd = parts.username is not None or parts.path or parts.query or parts.fragment
    return ("", None) if odd else (name.rstrip("."), port)


def fits(name: str, port: int | None, pattern: str) -> bool:
    """Tell whether a host is meant by ``example.com``, ``example.com:8000``, ``*.example.com``."""
    if pattern == "*":
        return True
    wanted, wanted_port = split_host(pattern.removeprefix("*."))
    if wanted_port is not None and wanted_port != port:
        return False
    return name.endswith(f".{wanted}") if pattern.startswith("*.") else name == wanted


def check_patterns(hosts: Sequence[str], *, closed: bool) -> tuple[str, ...]:
    """Return host names as they are compared; ConfigurationError for what can't be one.

    ``closed``: everybody has to say who they are. Only then may any name do.
    """
    for host in hosts:
        if host == "*" and not closed:
            message = (
                "dashboard_hosts: '*' opens a dashboard without authentication to every page that "
                "a browser here looks at: name the hosts, or set dashboard_api_key or auth=."
            )
            raise ConfigurationError(message)
        if host != "*" and not split_host(host.removeprefix("*."))[0]:
            message = f"dashboard_hosts: {host!r} is no host name, such as jobs.example.com."
            raise ConfigurationError(message)
    return tuple(host.lower() for host in hosts)


def check_client(client: str | None, headers: Mapping[str, str]) -> None:
    """Refuse whoever is not on this computer: nobody is asked here who they are.

    Raises:
        Refused: 403.
    """
    if is_loopback(client) and not any(name in headers for name in PROXY_HEADERS):
        return
    message = (
        "Without authentication this dashboard serves the computer that it runs on, and nobody "
        "through a proxy. Set SONIQ_DASHBOARD_API_KEY, or give auth= to create_dashboard_app."
    )
    raise Refused(403, message)


def check_address(path: str, query: str) -> None:
    """Refuse a key in a URL: histories, logs and other sites' statistics keep URLs.

    Nor does any address hold a NUL, which no database can look for.

    Raises:
        Refused: 400, or 404.
    """
    if "\0" in path:
        raise Refused(404, "There is nothing by a name with a NUL in it.")
    fields = parse_qsl(query, keep_blank_values=True)
    refuse_nul(fields)
    names = {name.lower() for name, _ in fields}
    if names & KEY_NAMES:
        message = (
            "A key must not stand in a URL, where logs and histories keep it. Send it in the "
            "header `Authorization: Bearer …` or `X-API-Key`, or log in; then change this key."
        )
        raise Refused(400, message)


def check_same_origin(site: str | None, origin: str | None, host: str | None) -> None:
    """Refuse a write that a page of another origin has sent.

    A client that says nothing of origins is no browser, or one so old that the token decides.

    Raises:
        Refused: 403.
    """
    if site is not None and site != "same-origin":
        raise Refused(403, ANOTHER_SITE)
    check_origin(origin, host)


def check_origin(origin: str | None, host: str | None) -> None:
    """Refuse what a script of another origin has sent, be it only to read.

    Browsers name the origin of a read only where a script asks, and not for its own site: neither
    links nor what is typed have one.

    Raises:
        Refused: 403.
    """
    if origin is not None and not is_origin_of(origin, host or ""):
        raise Refused(403, ANOTHER_SITE)


def is_origin_of(origin: str, host: str) -> bool:
    """Tell whether an origin is the one that a Host header names.

    The scheme is not compared: behind a proxy that ends TLS the server sees another one.
    """
    scheme, _, place = origin.partition("://")
    default = DEFAULT_PORTS.get(scheme)
    if default is None or not place:
        return False
    name, port = split_host(place)
    wanted, wanted_port = split_host(host)
    # Without a port the Host header means that of its scheme, which is the origin's or a proxy's.
    return bool(name) and name == wanted and (port or default) == (wanted_port or default)


def check_key(key: str | None) -> None:
    """Raise ConfigurationError for a key that could be guessed."""
    if key is not None and len(key) < SHORTEST_KEY:
        message = (
            f"dashboard_api_key has {len(key)} characters; give it {SHORTEST_KEY} or more: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))".'
        )
        raise ConfigurationError(message)


def local_path(target: str) -> str | None:
    """Return a path of this server to go to next, or None for anything that leads elsewhere."""
    if not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    if "\\" in target or any(ord(character) <= ord(" ") for character in target):
        return None
    return target


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form, in order.

    Raises:
        Refused: 400 for what is no form.
    """
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        message = f"The body is no form of at most {MOST_FIELDS} fields in UTF-8."
        raise Refused(400, message) from None
    refuse_nul(fields)
    return fields


def refuse_nul(fields: Iterable[tuple[str, str]]) -> None:
    """Refuse values that no database can hold (Refused: 400)."""
    if any("\0" in name or "\0" in value for name, value in fields):
        raise Refused(400, "A field holds a NUL, which no database can hold.")


def first_of_each(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the fields by name, the first where there are several."""
    found: dict[str, str] = {}
    for name, value in fields:
        found.setdefault(name, value)
    return found
