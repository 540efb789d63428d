"""A page as a list of elements, and what every page has to be: well-formed, and named for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "hr", "img", "input", "link", "meta", "source", "wbr", "rect", "path"}


@dataclass(slots=True)
class Element:
    """An element, its attributes, and the text within it; ``inside``: the tags around it."""

    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    text: str = ""

    def __getitem__(self, name: str) -> str:
        """Return an attribute, or nothing."""
        return self.attributes.get(name, "")


@dataclass(slots=True)
class Page:
    """What a parser made of a page; ``flaws``: tags that were closed wrongly."""

    elements: list[Element] = field(default_factory=list[Element])
    flaws: list[str] = field(default_factory=list[str])

    def all(self, tag: str, **attributes: str) -> Iterator[Element]:
        """Yield the elements of a tag that have these attributes."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        for element in self.elements:
            if element.tag == tag and wanted.items() <= element.attributes.items():
                yield element

    def one(self, tag: str, **attributes: str) -> Element:
        """Return the only such element."""
        [found] = self.all(tag, **attributes)
        return found

    @property
    def links(self) -> list[str]:
        """Where the links of the page lead, each once."""
        return sorted({link["href"] for link in self.all("a")})

    def complaints(self) -> list[str]:
        """Return what makes the page hard to use, or wrong."""
        return [*self.flaws, *self._names(), *self._tables(), *self._fields()]

    def _names(self) -> Iterator[str]:
        for tag in ("html", "title", "main", "h1"):
            if len(list(self.all(tag))) != 1:
                yield f"not one <{tag}>"
        ids = Counter(element["id"] for element in self.elements if element["id"])
        yield from (f"id {name!r} comes {count} times" for name, count in ids.items() if count > 1)
        for element in self.elements:
            for name in ("aria-labelledby", "aria-describedby", "for", "list"):
                if element[name] and element[name] not in ids:
                    yield f"{name}={element[name]!r} names nothing"
            if element.tag in {"a", "button"} and not (element.text.strip() or element["title"]):
                yield f"<{element.tag}> without a name: {element.attributes}"

    def _tables(self) -> Iterator[str]:
        tables, captions = len(list(self.all("table"))), len(list(self.all("caption")))
        if tables != captions:
            yield f"{tables} tables, {captions} captions"
        if not all(cell["scope"] for cell in self.all("th")):
            yield "a <th> without a scope"

    def _fields(self) -> Iterator[str]:
        labelled = {label["for"] for label in self.all("label")}
        for one in self.all("input"):
            named = one["aria-label"] or one["id"] in labelled or "label" in one.inside
            if one["type"] != "hidden" and not named:
                yield f"a field without a label: {one.attributes}"
        for form in self.all("form", method="post"):
            if not form["action"].startswith("/") or form["action"].startswith("//"):
                yield f"a form that leads to {form['action']!r}"


class Reader(HTMLParser):
    """Makes a ``Page`` of markup."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        inside = tuple(element.tag for element in self._open)
        made = Element(tag, {name: value or "" for name, value in attrs}, inside)
        self.page.elements.append(made)
        if len(made.attributes) != len(attrs):
            self.page.flaws.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the element that is open, or note that it is another."""
        if self._open and self._open[-1].tag == tag:
            self._open.pop()
        else:
            at = "/".join(element.tag for element in self._open)
            self.page.flaws.append(f"</{tag}> closes nothing, at {at}")

    def handle_data(self, data: str) -> None:
        """Give text to all elements around it."""
        for element in self._open:
            element.text += data


def read(markup: str) -> Page:
    """Return a page as a list of elements."""
    reader = Reader()
    reader.feed(markup)
    reader.close()
    reader.page.flaws += [f"<{element.tag}> stays open" for element in reader._open]
    return reader.page
