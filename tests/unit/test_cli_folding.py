"""Tracebacks with the frames of other people's code folded."""

from __future__ import annotations

import json
import traceback

import pytest

from soniq.cli.folding import fold, package_of

WHOLE = """\
Traceback (most recent call last):
  File "/venv/lib/python3.12/site-packages/soniq/worker/execute.py", line 9, in run
    await handler()
  File "/usr/lib/python3.12/asyncio/tasks.py", line 1, in step
    step()
    ^^^^^^
  File "<frozen importlib._bootstrap>", line 2, in load
  File "/srv/shop/mail.py", line 4, in send
    client.post(to)
  File "/venv/lib/python3.12/site-packages/httpx/_client.py", line 5, in post
    return self.request()
  File "/venv/lib/python3.12/site-packages/httpx/_client.py", line 6, in request
    raise Timeout(
        message
    )
httpx.Timeout: took too long
    and more

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/shop/mail.py", line 8, in send
    raise Unsent
mail.Unsent
"""
FOLDED = """\
Traceback (most recent call last):
  … 3 frames of soniq, asyncio, importlib
  File "/srv/shop/mail.py", line 4, in send
    client.post(to)
  … 1 frame of httpx
  File "/venv/lib/python3.12/site-packages/httpx/_client.py", line 6, in request
    raise Timeout(
        message
    )
httpx.Timeout: took too long
    and more

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/shop/mail.py", line 8, in send
    raise Unsent
mail.Unsent"""


def test_foreign_frames_are_folded() -> None:
    """But for the last one, where that is where the error was raised."""
    assert fold(WHOLE) == FOLDED


def test_whose_frame_it_is() -> None:
    """Installed, of the standard library, or Soniq's own sources; else the user's."""
    packages = {
        "/srv/app/mail.py": None,
        "/srv/lib/mail.py": None,
        "/usr/lib/python3.11/json/decoder.py": "json",
        "/usr/lib/python3/dist-packages/yaml/x.py": "yaml",
        r"C:\\py\\lib\\site-packages\\httpx\\x.py".replace("\\\\", "\\"): "httpx",
        "/home/me/src/soniq/app.py": "soniq",
        "/home/me/src/shop/app.py": None,
        "<string>": None,
    }
    assert {path: package_of(path) for path in packages} == packages


def test_any_text_survives() -> None:
    """What is no traceback is shown as it is; a real one keeps its ends."""
    for text in ("", "no traceback", '  File "x"', "a\n\n    b", '  File "/x/a.py", line 1, in f'):
        assert fold(text) == text
    with pytest.raises(ValueError, match="property name") as caught:
        json.loads("{")
    shown = fold("".join(traceback.format_exception(caught.value)))
    assert shown.startswith("Traceback")
    assert "frames of json" in shown
    assert shown.splitlines()[-1].startswith("json.decoder.JSONDecodeError")
