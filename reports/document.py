"""What every page is: one HTML file with its style and script in it, no network, everything from outside escaped."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from datetime import datetime
from typing import TYPE_CHECKING

import jinja2

from benchsuite import __version__
from benchsuite.errors import UsageError
from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNITS = re.compile(
    r"(?<=\d) (?=(?:ns|µs|ms|s|min|h|B|KiB|MiB|GiB|TiB|µJ|mJ|J|kJ|%|million|billion|items/s|times|points|rounds?|steps|pairs?)\b|%)"
)
SCRIPTS = ("script.js", "saving.js", "tables.js", "samples.js")
"""What becomes the one script of a page, in this order."""

NOWHERE = "'none'"
"""As a source of a Content-Security-Policy."""

FACTOR = re.compile(r"(\d[\d,.]*\stimes\s\(\d[\d,.]* to \d[\d,.]*\))")
"""A factor with its interval: `1.31 times (1.27 to 1.36)`."""


def render_document(
    template: str,
    *,
    scripts: Sequence[str] = SCRIPTS,
    connect: str = "",
    submit: str = NOWHERE,
    **content: object,
) -> str:
    """Return one HTML document from a template that extends `base.html.j2`.

    Args:
        template: its name.
        scripts: the names of the scripts that become the page's one.
        connect: where it may read from, as a source of a Content-Security-Policy; empty: from nowhere.
        submit: where its forms may lead, likewise.
        **content: what the template shows.
    """
    environment = _environment()
    return environment.get_template(template).render(
        style=_source(environment, "style.css"),
        script=_script(environment, scripts),
        policy=page_policy(scripts=scripts, connect=connect, submit=submit),
        version=__version__,
        **content,
    )


def page_policy(*, scripts: Sequence[str] = SCRIPTS, connect: str = "", submit: str = NOWHERE) -> str:
    """Return the Content-Security-Policy of such a page: its own style and script, by their digests, and nothing else."""
    environment = _environment()
    return (
        f"default-src 'none'; style-src {_digest(_source(environment, 'style.css'))}; "
        f"script-src {_digest(_script(environment, scripts))}; base-uri 'none'; "
        f"form-action {submit}" + (f"; connect-src {connect}" if connect else "")
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "held": _held,
        "factors": _factors,
        "capital": lambda text: text[:1].upper() + text[1:],
    }
    return environment


def write_file(path: Path, text: str) -> Path:
    """Write or replace a file in one step and return its path; half a character of UTF-16 becomes a question mark.

    Raises:
        UsageError: the directory cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(text.encode("utf-8", errors="replace"))
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot write there ({error.strerror})") from error
    return path


def date(text: str) -> str:
    """Spell a time in UTC, given in ISO 8601; another text stays as it is."""
    try:
        return f"{datetime.fromisoformat(text):%d %B %Y, %H:%M} UTC".lstrip("0")
    except ValueError:
        return fmt.name(text)


def _held(text: str) -> str:
    """Keep numbers and their units on one line."""
    return UNITS.sub("\N{NO-BREAK SPACE}", text)


def _factors(text: str) -> list[tuple[str, bool]]:
    """Cut a sentence into pieces, and say of each whether it is a factor with its interval."""
    pieces = FACTOR.split(_held(text))
    return [(piece, bool(place % 2)) for place, piece in enumerate(pieces) if piece]


def _source(environment: jinja2.Environment, name: str) -> str:
    if environment.loader is None:
        raise RuntimeError("the environment has no loader")
    return environment.loader.get_source(environment, name)[0].strip()


def _script(environment: jinja2.Environment, names: Sequence[str]) -> str:
    return "\n".join(_source(environment, name) for name in names)


def _digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
