"""What tells a variant from the others of its context, in as few words as do so."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from benchsuite.scenario import format_value
from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONTEXT_WORDS = {"train": "training", "infer": "inference", "cpu": "CPU", "cuda": "CUDA"}
"""Words for the values of the axes that every scenario shares."""
BASELINE = "the baseline"
"""The baseline's label where no single value describes it."""
NO_NAME = "none"
"""A value that says nothing without its axis."""
COUNTED = frozenset({"workers", "threads", "ranks", "processes"})
"""Last words of axes whose values are numbers of things."""
REFERENCE = "reference loop"
"""The baseline's label where the winners of other scenarios are put on top of it."""


def variant_labels(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return a label for each variant of a scenario, given as it stands in a run's header, by id.

    A label holds the compared value and what else differs from the context's baseline. In a scenario
    that combines, it holds what a variant adds to the one below it.
    """
    listed: Sequence[Mapping[str, Any]] = tuple(entry.get("variants", ()))
    contexts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for variant in listed:
        contexts[str(sorted(variant.get("context", {}).items()))].append(variant)
    found: dict[str, str] = {}
    for members in contexts.values():
        if entry.get("combines"):
            labels = _additions(members)
        else:
            labels = _differences(members, entry.get("compare"), varying(_settings(v) for v in listed))
        ids = [variant["id"] for variant in members]
        unique = len(set(labels)) == len(labels)
        found.update(zip(ids, map(fmt.name, labels if unique else ids), strict=True))
    return found


def varying(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys under which the mappings hold more than one value."""
    values: dict[str, set[str]] = defaultdict(set)
    for mapping in mappings:
        for axis, value in mapping.items():
            values[axis].add(format_value(value))
    return [axis for axis, found in values.items() if len(found) > 1]


def context_word(axis: str, value: object) -> str:
    """Return a word for one value of what is held equal: `training`, `CUDA`, `batch size 1`."""
    return CONTEXT_WORDS.get(str(value)) or (value if isinstance(value, str) else axis_word(axis, value))


def axis_word(axis: str, value: object) -> str:
    """Return words for one setting: `host memory pinned`, `2 workers`, `channels last`, `no channels last`."""
    words = axis.replace("_", " ")
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if value == NO_NAME:
        return f"no {words}"
    things = words.removeprefix("num ")
    if isinstance(value, int) and things.rpartition(" ")[2] in COUNTED:
        return f"{value} {things.removesuffix('s') if value == 1 else things}"
    return f"{words} {format_value(value)}"  # type: ignore[arg-type]


def _differences(
    members: Sequence[Mapping[str, Any]], compared: str | None, varied: Sequence[str]
) -> list[str]:
    base = next((_settings(variant) for variant in members if variant.get("baseline")), None)
    others = [axis for axis in varied if axis != compared and axis not in members[0].get("context", {})]
    several = any(axis in others for axis in varying(map(_settings, members)))
    labels = []
    for variant in members:
        settings = _settings(variant)
        words = [
            axis_word(axis, settings[axis])
            for axis in others
            if axis in settings and (base is None or not _same(settings[axis], base.get(axis)))
        ]
        if compared is not None and compared in settings:
            value = settings[compared]
            as_in_base = base is not None and _same(value, base.get(compared))
            if isinstance(value, str) and value != NO_NAME:
                words.insert(0, value)
            elif not (several and as_in_base and (words or isinstance(value, bool))):
                words.insert(0, axis_word(compared, value))
        labels.append(", ".join(words) or (BASELINE if several else variant["id"]))
    return labels


def _additions(members: Sequence[Mapping[str, Any]]) -> list[str]:
    base: Mapping[str, Any] = next((_settings(v) for v in members if v.get("baseline")), {})
    below: list[dict[str, str]] = []
    labels = []
    for variant in members:
        settings, context = _settings(variant), variant.get("context", {})
        changed = {
            axis: axis_word(axis, value)
            for axis, value in settings.items()
            if axis not in context and not _same(value, base.get(axis))
        }
        under = next((other for other in reversed(below) if other.items() <= changed.items()), {})
        added = [words for axis, words in changed.items() if axis not in under]
        labels.append(REFERENCE if variant.get("baseline") else f"+ {', '.join(added) or variant['id']}")
        below.append(changed)
    return labels


def _settings(variant: Mapping[str, Any]) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = variant.get("settings", {})
    return settings


def _same(value: object, other: object) -> bool:
    """Compare as settings are spelt: `1` and `True` are not the same."""
    return type(value) is type(other) and value == other
