"""Which variants a gate takes, and which of them one side alone has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite.errors import UsageError
from benchsuite.suggestion import suggest, suggest_variant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from benchsuite.gate.side_catalog import GatedVariant, SideCatalog
    from benchsuite.gate.sides import SideName, Sides
    from benchsuite.scenario import Requirement

SAID = "-k, or `variants` in the configuration:"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variant that both sides have."""

    base: GatedVariant
    head: GatedVariant

    @property
    def id(self) -> str:
        """Its name on both sides."""
        return self.head.variant.id

    @property
    def by_side(self) -> tuple[tuple[SideName, GatedVariant], ...]:
        """What each side runs, the base first."""
        return (("base", self.base), ("head", self.head))

    @property
    def lent(self) -> bool:
        """Whether the base lacks it and runs the head's."""
        return self.base.origin.file == self.head.origin.file and self.base.origin != self.head.origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a gate takes."""

    candidates: tuple[Candidate, ...]
    new: tuple[GatedVariant, ...]
    """The head alone has them."""
    missing: tuple[GatedVariant, ...]
    """The base alone has them."""
    skipped: tuple[tuple[str, str], ...]
    """Variants that this machine cannot run, and why."""


def select(
    sides: Sides,
    names: Collection[str],
    texts: Collection[str],
    unmet: Callable[[Requirement], str | None],
    *,
    everything: bool = False,
) -> Selection:
    """Choose the variants to gate.

    Args:
        sides: base and head with their catalogs.
        names: scenarios; empty: any.
        texts: what an id must contain one of, or be where it is a whole id; empty: the default set where no scenario is
            named either.
        unmet: says why a requirement is not met on this machine, or None.
        everything: take all variants, not the default set.

    Raises:
        UsageError: a name or a text that neither side knows, or no variant matches them all; the message offers the
            nearest names.
    """
    base, head = sides.base.catalog, sides.head.catalog
    _demand_known(names, texts, base, head)
    matching = matched(texts, [*head.variants, *base.variants])
    default = not (names or texts or everything)

    def chosen(catalog: SideCatalog) -> list[str]:
        return [
            id_
            for id_, found in catalog.variants.items()
            if (not names or found.variant.scenario in names)
            and (not texts or id_ in matching)
            and (not default or id_ in catalog.default)
        ]

    on_head = chosen(head)
    # What the default set itself has lost is the head's decision; what no longer exists at all is a finding.
    on_base = [] if sides.base.problem else [id_ for id_ in chosen(base) if id_ not in head.variants]
    if not on_head and not on_base:
        raise UsageError(_nothing(names, texts))
    candidates, new, skipped = [], [], []
    for id_ in on_head:
        found = head.variants[id_]
        reason = next(filter(None, map(unmet, found.variant.requirements)), None)
        if reason is not None:
            skipped.append((id_, reason))
        elif sides.base.problem or id_ in base.variants:
            candidates.append(Candidate(base.variants.get(id_, found), found))
        else:
            new.append(found)
    return Selection(
        candidates=tuple(candidates),
        new=tuple(new),
        missing=tuple(base.variants[id_] for id_ in on_base),
        skipped=tuple(skipped),
    )


def matched(texts: Iterable[str], ids: Collection[str]) -> set[str]:
    """Return the ids that contain one of the texts; a text that is a whole id stands for that one alone."""
    return {id_ for text in texts for id_ in ids if (id_ == text if text in ids else text in id_)}


def _demand_known(
    names: Iterable[str], texts: Iterable[str], base: SideCatalog, head: SideCatalog
) -> None:  # fmt: skip
    ids = list(dict.fromkeys([*head.variants, *base.variants]))
    scenarios = sorted({
        found.variant.scenario for catalog in (head, base) for found in catalog.variants.values()
    })  # fmt: skip
    for name in names:
        if name not in scenarios:
            raise UsageError(f"no scenario that can be gated is called {name!r}: {suggest(name, scenarios)}")
    for text in texts:
        if not matched([text], ids):
            raise UsageError(f"{SAID} {text}: no variant's name contains that: {suggest_variant(text, ids)}")


def _nothing(names: Iterable[str], texts: Collection[str]) -> str:
    if not texts:
        return "there is no variant to gate"
    where = f" in {' or '.join(names)}" if names else ""
    return f"{SAID} {' or '.join(texts)}: no variant's name contains that{where}"
