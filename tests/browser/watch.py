"""What a page does that it must not: noted for each tab, told when the tab is done with."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Error, Page, Request

# Runs before anything of the page: violations of the policy become messages of the console.
LISTEN = """
addEventListener("securitypolicyviolation", (event) => console.error(
    "CSP", event.violatedDirective, event.blockedURI, event.sourceFile, event.lineNumber));
"""
# Chromium says so of each answer that is an error; a test that wants one allows it.
REFUSED = ("Failed to load resource", "htmx: htmx:sse:error: SSE reconnect failed")


@dataclass
class Watch:
    """All tabs of one context."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: int = 0
    refusals_are_fine: bool = False

    def follow(self, context: BrowserContext) -> None:
        """Look at all that happens there."""
        context.add_init_script(LISTEN)
        context.on("console", self._console)
        context.on("request", self._request)
        context.on("dialog", self._dialog)
        context.on("weberror", lambda error: self._error(error.error))
        context.on("page", lambda page: page.on("crash", self._crash))

    def _console(self, message: ConsoleMessage) -> None:
        fine = self.refusals_are_fine and message.text.startswith(REFUSED)
        if message.type in {"error", "warning"} and not fine:
            self.complaints.append(f"{message.page and message.page.url}: {message.text}")

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs += 1
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _error(self, error: Error) -> None:
        self.complaints.append(f"a script failed: {error}")

    def _crash(self, page: Page) -> None:
        self.complaints.append(f"the page crashed: {page.url}")
