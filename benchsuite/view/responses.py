"""What a request is answered with: headers that keep the secret, and files that cannot reach the pages' origin."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.view.library import OpenFile

COMMON: Final[dict[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NOTHING: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""A policy for what is only shown or saved."""
SCRIPTED: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "frame-ancestors 'none'; sandbox allow-scripts allow-downloads"
)
"""For documents that others wrote, such as memray's: their scripts work, in an origin of their own and without a network."""
TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "text/plain; charset=utf-8",
    ".png": "image/png",
}
"""What a browser shows; everything else is saved."""
SAVED: Final[Mapping[str, str]] = {
    ".gz": "application/gzip",
    ".jsonl": "application/jsonl",
    ".csv": "text/csv",
}
RANGE: Final = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of this program's own: an HTML document and the policy that its style and script need."""

    html: str
    policy: str
    opens_windows: bool = False
    """Whether it talks to a window of another site that it opens."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a file, in bytes."""

    file: OpenFile
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """A status, headers in order, and a body: bytes, or a part of a file that whoever sends it closes."""

    status: HTTPStatus
    body: bytes | Part = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Of the body, in bytes."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.length


def page(content: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with a page of this program's own."""
    opener = "same-origin-allow-popups" if content.opens_windows else "same-origin"
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": f"{content.policy}; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": opener,
    }
    return Response(status, content.html.encode("utf-8", errors="replace"), COMMON | headers)


def plain(status: HTTPStatus, text: str = "", **headers: str) -> Response:
    """Answer with one line of text."""
    own = {"Content-Type": "text/plain; charset=utf-8", "Content-Security-Policy": NOTHING}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, f"{text or status.phrase}\n".encode(), COMMON | own | named)


def file(found: OpenFile, wanted: str = "", version: str = "") -> Response:
    """Answer with a file, or with the part of it that is asked for.

    Args:
        found: the file; whoever sends the response closes it.
        wanted: the request's `Range`; what is no single range of bytes is not looked at.
        version: the request's `If-Range`: the range counts only for this version of the file.
    """
    tag = f'"{found.modified_ns:x}-{found.size_bytes:x}"'
    headers = COMMON | _kind(found.name) | {"Accept-Ranges": "bytes", "ETag": tag}
    given = RANGE.fullmatch(wanted) if version in {"", tag} else None
    if given is None:
        return Response(HTTPStatus.OK, Part(found, 0, found.size_bytes), headers)
    part = _part(found, *given.groups())
    if part is None:
        found.content.close()
        size = {"Content-Range": f"bytes */{found.size_bytes}"}
        return Response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", COMMON | size)
    end = part.start + part.length - 1
    return Response(
        HTTPStatus.PARTIAL_CONTENT,
        part,
        headers | {"Content-Range": f"bytes {part.start}-{end}/{found.size_bytes}"},
    )


def _part(found: OpenFile, first: str | None, last: str | None, tail: str | None) -> Part | None:
    """Return the stretch that a range names; None: the file has no byte of it."""
    size = found.size_bytes
    start = max(0, size - int(tail)) if tail else int(first or 0)
    end = min(size, int(last) + 1) if last else size
    return Part(found, start, end - start) if start < end else None


def _kind(name: str) -> dict[str, str]:
    suffix = PurePosixPath(name).suffix
    shown = TYPES.get(suffix)
    return {
        "Content-Type": shown or SAVED.get(suffix, "application/octet-stream"),
        "Content-Security-Policy": SCRIPTED if suffix == ".html" else NOTHING,
        "Content-Disposition": "inline" if shown else f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
