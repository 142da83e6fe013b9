"""The decorator `scenario`: makes a scenario of a function, and refuses a definition that breaks a rule.

Nothing here imports torch: it holds as soon as a module is imported, long before anything is measured.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from benchsuite.demands import demand_choice, demand_flag, demand_text, shown
from benchsuite.errors import UsageError
from benchsuite.scenario import Answer, Metric, ProcessSpec, Requirement, Scenario, settings_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchsuite.scenario import SettingValue, Variant, Workload
    from benchsuite.task import Task

S = TypeVar("S")


def scenario(
    *,
    question: str,
    variants: Sequence[S],
    compare: str | None = None,
    within: Sequence[str] = (),
    metric: Metric = "step_time",
    answer: Answer = "best",
    once: bool = False,
    step: str = "step",
    requires: Callable[[S], Sequence[Requirement]] = lambda _settings: (),
    process: Callable[[S], ProcessSpec] = lambda _settings: ProcessSpec(),
    changes: Callable[[S], Mapping[str, SettingValue]] = lambda _settings: {},
    combines: bool = False,
) -> Callable[[Callable[[S, Task], Workload]], Scenario[S]]:
    """Make a scenario of a function from settings and task to a workload; it is named after the function.

    Args:
        question: what the scenario answers, as a user would ask it; ends with a question mark.
        variants: the settings to compare, frozen dataclasses of one type; every field has a default
            and holds a string, a number, a boolean or None.
        compare: the field that is compared, or the first of several that are varied one at a time. The
            baseline of each context has the defaults in every field that is not in `within`.
        within: the fields that are held equal in a comparison.
        metric: what the answer is about.
        answer: which kind of sentence answers the question.
        once: a long work of fixed length, measured alone and once in a run, not in turns.
        step: what its step is called where it is no step of a training or inference: a noun that takes an s, such as
            `update`. A step that is called anything else is never named as the best of a phase.
        requires: what a variant needs of the machine.
        process: what holds for the whole process that runs a variant.
        changes: the fields of a combining scenario's settings that a variant stands for: where it beats its
            baseline, they may become part of the best combination.
        combines: the variants given are baselines alone; once the other scenarios have been measured, the
            changes of their winners are put on top of them, one after the other.

    Raises:
        UsageError: the definition breaks one of these rules; the message names function, file and line.
    """

    def decorate(build: Callable[[S, Task], Workload]) -> Scenario[S]:
        code = build.__code__
        where = f"{code.co_filename}:{code.co_firstlineno}: scenario {build.__name__!r}"
        _demand_plain_settings(where, variants)
        _demand_axes(where, variants, compare, within)
        try:
            demand_text("the question", question)
            demand_choice("its metric", metric, get_args(Metric))
            demand_choice("its answer", answer, get_args(Answer))
            demand_flag("once", once)
            demand_flag("combines", combines)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{where}: {error}") from None
        if not question.strip():
            raise UsageError(f"{where}: the question is empty")
        if not isinstance(step, str) or not re.fullmatch(r"[a-z]+( [a-z]+)*", step):
            raise UsageError(f"{where}: its step is called {shown(step)}: use words of the letters a to z")
        made = Scenario(
            name=build.__name__,
            question=question,
            build=build,
            variants=tuple(variants),
            compare=compare,
            within=tuple(within),
            metric=metric,
            answer=answer,
            once=once,
            step=step,
            requires=requires,
            process=process,
            changes=changes,
            combines=combines,
        )
        for settings in made.variants:
            _demand_declarations(where, made, settings)
        _demand_baselines(where, made)
        return made

    return decorate


def _demand_plain_settings(where: str, variants: Sequence[object]) -> None:
    if not variants:
        raise UsageError(f"{where}: it has no variants")
    settings_type = type(variants[0])
    for settings in variants:
        params = getattr(type(settings), "__dataclass_params__", None)
        if params is None or not params.frozen:
            raise UsageError(
                f"{where}: its settings must be a frozen dataclass, {type(settings).__name__!r} is not: "
                "write @dataclass(frozen=True) above it"
            )
        if type(settings) is not settings_type:
            raise UsageError(
                f"{where}: its variants are of two types, {settings_type!r} and {type(settings)!r}"
            )
        for key, value in settings_values(settings).items():
            if not _is_plain(value):
                raise UsageError(
                    f"{where}: setting {key!r} is {shown(value)}: a string, a number, a boolean or None is needed"
                )
            if isinstance(value, str) and not re.fullmatch(r"[A-Za-z0-9_.+:/-]+", value):
                raise UsageError(
                    f"{where}: setting {key!r} is {value!r}: use letters, digits and _ . + : / - alone, "
                    "it becomes part of the variant's name"
                )
    for f in dataclasses.fields(settings_type):  # type: ignore[arg-type]
        if f.default is dataclasses.MISSING:
            raise UsageError(f"{where}: field {f.name!r} needs a default: the defaults are the baseline")


def _demand_axes(where: str, variants: Sequence[object], compare: str | None, within: Sequence[str]) -> None:
    names = list(settings_values(variants[0]))
    for key in [*([compare] if compare is not None else []), *within]:
        if key not in names:
            raise UsageError(f"{where}: its settings have no field {key!r}; they have {', '.join(names)}")
    if compare in within:
        raise UsageError(f"{where}: {compare!r} cannot be compared and held equal at once")
    if compare is None and len(variants) > 1:
        raise UsageError(f"{where}: it has {len(variants)} variants but compares no field")


def _demand_declarations(where: str, made: Scenario[S], settings: S) -> None:
    """Refuse what the functions of a scenario return for one variant, if it is not what they should."""
    required = made.requires(settings)
    if not isinstance(required, list | tuple) or not all(isinstance(one, Requirement) for one in required):
        raise UsageError(
            f"{where}: requires returned {shown(required)}: a list of benchsuite.Requirement is needed, "
            "such as [CUDA]"
        )
    if not isinstance(process := made.process(settings), ProcessSpec):
        raise UsageError(f"{where}: process returned {shown(process)}: a benchsuite.ProcessSpec is needed")
    changes = made.changes(settings)
    if not isinstance(changes, Mapping):
        raise UsageError(f"{where}: changes returned {shown(changes)}: a dictionary is needed")
    for key, value in changes.items():
        if not isinstance(key, str) or not _is_plain(value):
            raise UsageError(
                f"{where}: changes returned {shown({key: value})}: names with a string, a number, a boolean or None "
                "each are needed"
            )


def _is_plain(value: object) -> bool:
    """Whether a value can be a setting's."""
    return isinstance(value, str | int | float | bool | None)


def _demand_baselines(where: str, made: Scenario[Any]) -> None:
    described = made.described()
    ids = [variant.id for variant in described]
    if twice := [id_ for id_ in ids if ids.count(id_) > 1]:
        raise UsageError(f"{where}: variant {twice[0]} is listed twice")
    contexts: dict[str, list[Variant]] = {}
    for variant in described:
        contexts.setdefault(str(variant.context), []).append(variant)
    for context, members in contexts.items():
        if not any(variant.baseline for variant in members):
            raise UsageError(
                f"{where}: no baseline for {context}: no variant there has the defaults of all that is not held equal "
                f"({made.compare!r} first of all)"
            )
