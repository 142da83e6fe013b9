"""Addresses of the page's cards: by the scenarios' names, so that a link survives another run."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

UNSAFE = re.compile(r"[^a-z0-9_]+")
LONGEST = 40
"""Characters of a name that stay readable in an address."""


def anchors(names: Iterable[str]) -> list[str]:
    """Return one id for each name, unique and safe in HTML and in a URL: `scenario-batch_size`.

    A name that cannot stand there as it is carries a hash; a name that comes again carries a number.
    """
    found: list[str] = []
    for name in names:
        bare = f"scenario-{_safe(name)}"
        number = sum(other == bare or other.startswith(f"{bare}.") for other in found)
        found.append(f"{bare}.{number + 1}" if number else bare)
    return found


def _safe(name: str) -> str:
    short = name if len(name) <= LONGEST and not UNSAFE.search(name) else ""
    if short:
        return short
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    return "-".join(filter(None, (UNSAFE.sub("-", name[:LONGEST].lower()).strip("-"), digest)))
