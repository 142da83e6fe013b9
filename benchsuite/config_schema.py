"""The gate's table as pydantic models: which keys there are, and how each value is spelt."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from benchsuite.gate.settings import DEFAULT_LIMITS, Quarantine, ScenarioLimits
from benchsuite.quantities import LARGEST_SEED, parse_count, parse_duration, parse_share, parse_size
from benchsuite.suggestion import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

FEWEST_SCREENING_PAIRS = 3
"""The middle one of three is the least that one odd pair cannot move."""
HIGHEST_LEVEL = 0.1
POLICIES = ("report", "fail")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'{value!r} is not a text: write it in quotes, such as "compile["')
    return value


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(map(_text, value))
    raise ValueError(f'{value!r} is not a list: write texts in brackets, such as ["training", "compile["]')


def _known(what: str, value: object, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is no {what}: {suggest(str(value), known)}")
    return str(value)


def _policy(value: object) -> str:
    return _known("policy", value, POLICIES)


def _metric(value: object) -> str:
    return _known("metric", value, tuple(DEFAULT_LIMITS))


def _metrics(value: object) -> tuple[str, ...]:
    names = tuple(map(_metric, _texts(value)))
    if not names:
        raise ValueError("without a metric nothing is gated: name some, or leave the key out for all of them")
    return names


def _whole(value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{value!r} does not do: write a whole number, at least {least}")
    return value


def _pairs(value: object) -> int:
    return _whole(value, 1)


def _screening_pairs(value: object) -> int:
    return _whole(value, FEWEST_SCREENING_PAIRS)


def _natural(value: object) -> int:
    return _whole(value, 0)


def _seed(value: object) -> int:
    seed = _natural(value)
    if seed > LARGEST_SEED:
        raise ValueError(f"{seed} does not do: write a whole number, at most {LARGEST_SEED}")
    return seed


def _detect(value: object) -> float:
    share = parse_share(value)
    if share == 0:
        raise ValueError('a change of 0 cannot be detected: write "5%"')
    return share


def _level(value: object) -> float:
    share = parse_share(value)
    if not 0 < share <= HIGHEST_LEVEL:
        raise ValueError(f'{value!r} is no level: write one above 0 and up to {HIGHEST_LEVEL}, such as "1%"')
    return share


def _task(value: object) -> str:
    module, _, attribute = _text(value).partition(":")
    if not module or not attribute:
        raise ValueError(f"{value!r} is no task: write MODULE:TASK, such as my_project.bench:task")
    return f"{module}:{attribute}"


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError(f"{str(value)!r} is no date: write one without quotes and time, such as 2026-12-31")


Text: TypeAlias = Annotated[str, BeforeValidator(_text)]
Texts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Share: TypeAlias = Annotated[float, BeforeValidator(parse_share)]
Size: TypeAlias = Annotated[float, BeforeValidator(parse_size)]
Count: TypeAlias = Annotated[float, BeforeValidator(parse_count)]
Duration: TypeAlias = Annotated[float, BeforeValidator(parse_duration)]
PolicyName: TypeAlias = Annotated[str, BeforeValidator(_policy)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self) -> dict[str, Any]:
        """Return what was written, by key; the defaults stand in `GateSettings`."""
        return {key: getattr(self, key) for key in type(self).model_fields if key in self.model_fields_set}


class LimitsTable(_Table):
    """What each metric may grow by."""

    step_time: Share | None = None
    peak_heap: Size | None = None
    allocations: Count | None = None
    leak: Size | None = None
    operators: Count | None = None
    kernels: Count | None = None
    graph_breaks: Count | None = None
    recompiles: Count | None = None
    cuda_peak_allocated: Size | None = None


class ScenarioLimitsTable(_Table):
    """Limits of their own for some variants."""

    match: Text
    limits: LimitsTable


class QuarantineTable(_Table):
    """Findings without weight until a day."""

    match: Text
    metric: Annotated[str, BeforeValidator(_metric)] | None = None
    reason: Text
    until: Annotated[date, BeforeValidator(_day)]


class GateTable(_Table):
    """All keys of `[tool.benchsuite.gate]`."""

    task: Annotated[str, BeforeValidator(_task)] | None = None
    scenarios: Texts | None = None
    only_scenarios: Texts | None = None
    variants: Texts | None = None
    metrics: Annotated[tuple[str, ...], BeforeValidator(_metrics)] | None = None
    limits: LimitsTable | None = None
    scenario_limits: tuple[ScenarioLimitsTable, ...] | None = None
    detect: Annotated[float, BeforeValidator(_detect)] | None = None
    level: Annotated[float, BeforeValidator(_level)] | None = None
    screening_pairs: Annotated[int, BeforeValidator(_screening_pairs)] | None = None
    confirmation_pairs: Annotated[int, BeforeValidator(_pairs)] | None = None
    further_pairs: Annotated[int, BeforeValidator(_natural)] | None = None
    budget: Duration | None = None
    timeout: Duration | None = None
    on_inconclusive: PolicyName | None = None
    on_machine_change: PolicyName | None = None
    prepare: Text | None = None
    quarantine: tuple[QuarantineTable, ...] | None = None
    seed: Annotated[int, BeforeValidator(_seed)] | None = None


_TABLES: Mapping[str, type[_Table]] = {
    "limits": LimitsTable,
    "scenario_limits": ScenarioLimitsTable,
    "quarantine": QuarantineTable,
}


def check_table(document: Mapping[str, Any]) -> dict[str, Any]:
    """Check a table's keys and values.

    Returns:
        The values by dotted keys, `limits.step_time` among them, in the units of `GateSettings`.

    Raises:
        WrongKeyError: the first key that is not known, or whose value does not do.
    """
    try:
        given = GateTable.model_validate(document).given()
    except ValidationError as error:
        raise _wrong(error.errors()[0]) from error
    flat: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, LimitsTable):
            flat.update({f"{key}.{metric}": limit for metric, limit in value.given().items()})
        elif key == "scenario_limits":
            flat[key] = tuple(ScenarioLimits(own.match, own.limits.given()) for own in value)
        elif key == "quarantine":
            flat[key] = tuple(Quarantine(**entry.given()) for entry in value)
        else:
            flat[key] = value
    return flat


class WrongKeyError(ValueError):
    """A key that does not do; the message says why, and what to write."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _wrong(error: ErrorDetails) -> WrongKeyError:
    place = error["loc"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in place)[1:]
    last = str(place[-1]) if place else ""
    if error["type"] == "extra_forbidden":
        outer = next((part for part in reversed(place[:-1]) if isinstance(part, str)), "")
        return WrongKeyError(key, f"no such key: {suggest(last, _TABLES.get(outer, GateTable).model_fields)}")
    if error["type"] == "missing":
        return WrongKeyError(key, f"it is missing: write {last} = ...")
    if error["type"] == "value_error":
        return WrongKeyError(key, str(error["ctx"]["error"]))
    if error["type"] in {"model_type", "model_attributes_type"}:
        return WrongKeyError(
            key, f"{error['input']!r} is no table: write its keys, such as {{ key = value }}"
        )
    if error["type"] == "tuple_type":
        return WrongKeyError(key, f"it is no array of tables: write double brackets, [[...{last}]]")
    return WrongKeyError(key, error["msg"])


def _key(name: str) -> str:
    """Return a key as TOML spells it: bare where it can be."""
    return name if re.fullmatch(r"[\w-]+", name) else repr(name)
