"""Checks JSON documents as they are read back: no value has another type than the dataclass says."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

Read = TypeVar("Read")


def parsed(text: str) -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: it is no JSON, or holds a whole number that no float holds.
        RecursionError: it is too deep.
    """
    return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> int:
    number = int(digits)
    try:
        float(number)
    except OverflowError as error:
        raise ValueError(f"{digits[:10]}...: a number of {len(digits)} digits") from error
    return number


def validated(adapter: TypeAdapter[Read], document: Any) -> Read:
    """Return what a document says, as the adapter's type; keys that it does not know are ignored.

    Raises:
        ValueError: the document is none of that type; the text says where.
    """
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
