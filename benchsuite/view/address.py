"""Addresses: a secret first, then a run, then a file's path inside it; anything else is no address."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes

LONGEST_TARGET: Final = 4096
"""Characters."""
LONGEST_NAME: Final = 255
"""Bytes of one name, as file systems have it."""
TARGET: Final = re.compile(r"/[!-\"$-~]*")
"""A path with a query, in printable ASCII, without a fragment."""
FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f/\\:]")
"""Characters that no name has: they would end or divide a path, here or on another system."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a request asks for, without its secret."""

    run: str = ""
    """Empty: the list of all runs."""
    file: tuple[str, ...] = ()
    """Names from the run's directory on; empty: the page of the run's files."""
    folder: bool = True
    """Whether it ends in a slash: relative links start from there."""
    raw: bool = False
    """Whether the file itself is asked for, not the page that leads to it."""
    compared: tuple[str, str] | None = None
    """At the list of all runs: the two to compare; an empty name: none that there could be."""


class Addresses:
    """Makes addresses and reads them back.

    The list of runs has the secret that the command prints. Each run has one of its own, made from it: what a run
    contains may learn its own address, but never that of the others.
    """

    def __init__(self, token: str = "") -> None:
        """Without a token, take a random one of 256 bits."""
        self._token = token or secrets.token_urlsafe(32)

    def index(self) -> str:
        """Return the path of the list of runs."""
        return f"/{self._token}/"

    def comparison(self, before: str, after: str) -> str:
        """Return the path of the comparison of two runs, as the form of the list sends it."""
        return f"{self.index()}?a={quote(form_value(before))}&b={quote(form_value(after))}"

    def of(self, run: str, file: str = "") -> str:
        """Return the path of a run's file, given relative to its directory; without one, of the page of its files."""
        return f"/{self._token_of(run)}/{_quoted(run)}/{_quoted(file)}"

    def read(self, target: str) -> Address | None:
        """Return what a request's target asks for; None: nothing that there could be, or not with this secret.

        Each name is decoded once. None of the result can lead out of a directory: there are no empty names, no dots
        alone, no hidden files, no separators of any system and no control characters.
        """
        if len(target) > LONGEST_TARGET or not TARGET.fullmatch(target):
            return None
        path, _, query = target.partition("?")
        token, *words = path[1:].split("/")
        folder = path.endswith("/")
        if words and folder:
            words.pop()
        names = [_name(word) for word in words]
        if not _same(token, self._token_of(names[0] or "") if names else self._token):
            return None
        if None in names:
            return None
        run, *file = [name for name in names if name is not None] or [""]
        if not run:
            return Address(folder=folder, compared=_compared(query))
        return Address(run, tuple(file), folder=folder, raw=query == "raw")

    def _token_of(self, run: str) -> str:
        return hmac.new(self._token.encode(), os.fsencode(run), hashlib.sha256).hexdigest()


def form_value(run: str) -> str:
    """Return what stands for a run in a form: ASCII, whatever bytes its name has; the form quotes it once more."""
    return _quoted(run)


def is_name(name: str) -> bool:
    """Whether an address can hold the name of a run or a file."""
    is_one = name and not name.startswith(".") and not FORBIDDEN.search(name)
    return bool(is_one) and len(os.fsencode(name)) <= LONGEST_NAME


def _compared(query: str) -> tuple[str, str] | None:
    """Return the names of two runs that a form has sent; None: it is no such form's query."""
    sent = dict(parse_qsl(query))
    if not sent.keys() & {"a", "b"}:
        return None
    before, after = (_name(sent.get(side, "")) or "" for side in ("a", "b"))
    return before, after


def _name(word: str) -> str | None:
    """Return a path's word as a file's name; None: it can be none."""
    name = os.fsdecode(unquote_to_bytes(word))
    return name if is_name(name) else None


def _same(one: str, other: str) -> bool:
    """Compare in a time that does not tell where they differ."""
    return secrets.compare_digest(one.encode(), other.encode())


def _quoted(path: str) -> str:
    return quote(os.fsencode(path))
