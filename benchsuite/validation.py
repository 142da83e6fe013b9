"""Checks JSON documents as they are read back: no value has another type than the dataclass says."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

Read = TypeVar("Read")


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
