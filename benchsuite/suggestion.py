"""What to say to a name that is not known."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def suggest(name: str, known: Iterable[str]) -> str:
    """Return `did you mean ...?` with the nearest names, or all of them where none is near."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are {', '.join(names)}" if names else "there are none"


def suggest_variant(text: str, known: Iterable[str]) -> str:
    """Return the ids of variants that are nearest to a text, or how to see all: they are too many to tell."""
    near = difflib.get_close_matches(text, list(known), n=3, cutoff=0.3)
    return f"the nearest are {', '.join(near)}" if near else "`python -m benchsuite list` shows them all"
