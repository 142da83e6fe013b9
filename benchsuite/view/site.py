"""From a request to its response: which page or which file an address stands for."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from benchsuite.errors import BenchsuiteError
from benchsuite.store import RECORDS_FILE, REPORT_FILE
from benchsuite.view import responses
from benchsuite.view.address import form_value
from benchsuite.view.library import open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchsuite.view.address import Address, Addresses
    from benchsuite.view.library import Library
    from benchsuite.view.responses import Page, Response

TRACE: Final = ".json.gz"
"""How the names of traces end: such an address shows the page that opens them."""
METHODS: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request counts."""

    method: str
    target: str
    host: str
    accept: str = ""
    range: str = ""
    if_range: str = ""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A run and the addresses of its pages."""

    path: Path
    report: str
    files: str
    records: str
    form_value: str
    """What stands for it in the form that asks for a comparison."""


@dataclass(frozen=True, slots=True)
class Pages:
    """How pages are made; each may raise a `BenchsuiteError`, whose text is then shown."""

    index: Callable[[Sequence[Shelved]], Page]
    files: Callable[[Path, str], Page]
    """Of a run's directory, with the address of all runs; links to files are relative to it."""
    comparison: Callable[[Shelved, Shelved, str], Page]
    """From one run to another, with the address of all runs."""
    report: Callable[[Path], Page]
    trace: Callable[[Path, tuple[str, ...], int], Page]
    """Of a trace: its run, its path from there and its size in bytes; the file itself is at `?raw`."""
    trouble: Callable[[str], Page]


class Site:
    """Answers requests about the runs of a library."""

    def __init__(self, library: Library, addresses: Addresses, pages: Pages) -> None:
        self._library = library
        self._addresses = addresses
        self._pages = pages
        self._building = threading.Lock()

    def respond(self, request: Request, port: int) -> Response:
        """Answer a request that came to this port of this machine."""
        if request.host not in {f"127.0.0.1:{port}", f"localhost:{port}"}:
            # A name that somebody else's page has made to stand for this machine.
            return responses.plain(
                HTTPStatus.MISDIRECTED_REQUEST, f"only http://127.0.0.1:{port} and localhost are served"
            )
        if request.method not in METHODS:
            return responses.plain(HTTPStatus.METHOD_NOT_ALLOWED, Allow=", ".join(METHODS))
        address = self._addresses.read(request.target)
        try:
            response = self._answer(address, request) if address else None
        except BenchsuiteError as error:
            return responses.page(self._pages.trouble(str(error)), HTTPStatus.INTERNAL_SERVER_ERROR)
        return response or responses.plain(HTTPStatus.NOT_FOUND)

    def _answer(self, address: Address, request: Request) -> Response | None:
        if not address.run:
            if not address.folder:
                return _moved(self._addresses.index())
            return self._index() if address.compared is None else self._comparison(*address.compared)
        run = self._library.run(address.run)
        if run is None:
            return None
        if not address.file:
            if not address.folder:
                return _moved(self._addresses.of(address.run))
            return responses.page(self._pages.files(run, self._addresses.index()))
        return None if address.folder else self._file(run, address, request)

    def _index(self) -> Response:
        shelved = [self._shelved(name, path) for name, path in self._library.runs().items()]
        return responses.page(self._pages.index(shelved))

    def _comparison(self, before: str, after: str) -> Response:
        paths = self._library.run(before), self._library.run(after)
        if paths[0] is None or paths[1] is None or before == after:
            trouble = "This address names no two runs: choose one of the list as A and another as B."
            return responses.page(self._pages.trouble(trouble), HTTPStatus.BAD_REQUEST)
        sides = self._shelved(before, paths[0]), self._shelved(after, paths[1])
        with self._building:
            return responses.page(self._pages.comparison(*sides, self._addresses.index()))

    def _shelved(self, name: str, path: Path) -> Shelved:
        return Shelved(
            path,
            report=self._addresses.of(name, REPORT_FILE),
            files=self._addresses.of(name),
            records=self._addresses.of(name, RECORDS_FILE),
            form_value=form_value(name),
        )

    def _file(self, run: Path, address: Address, request: Request) -> Response | None:
        if address.file == (REPORT_FILE,) and not address.raw:
            with self._building:  # one at a time: drawing is not made for threads, and takes a core
                return responses.page(self._pages.report(run))
        found = open_file(run, address.file)
        if found is None:
            return None
        if found.name.endswith(TRACE) and not address.raw and "text/html" in request.accept:
            found.content.close()
            return responses.page(self._pages.trace(run, address.file, found.size_bytes))
        return responses.file(found, request.range, request.if_range)


def _moved(path: str) -> Response:
    return responses.plain(HTTPStatus.TEMPORARY_REDIRECT, Location=path)
