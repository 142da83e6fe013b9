from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from benchsuite.gate.self_test.plan import (
    BATCH_SIZE,
    COUNTS,
    METRICS,
    NONE,
    WORK,
    Counts,
    Plant,
    make_plan,
    variant_id,
)

PLANNED = COUNTS["cuda"]
LOADS = st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True)
COUNTS = st.builds(
    Counts,
    identical=st.integers(0, 40),
    slowdowns=st.tuples(
        st.tuples(st.just(0.05), st.integers(0, 12)), st.tuples(st.just(0.03), st.integers(0, 12))
    ),
    exact=st.integers(0, 5),
    controls=st.integers(0, 9),
    batch_size=st.integers(1, BATCH_SIZE),
)


def plants(batches, load):
    return Counter(planned.plant for batch in batches if batch.load == load for planned in batch.decisions)


@given(LOADS, st.integers(0, 2**32), COUNTS)
def test_every_load_gets_every_decision_once(loads, seed, counts):
    batches = make_plan(loads, seed, counts=counts)
    expected = Counter({NONE: counts.identical + counts.controls})
    expected += Counter({Plant("slowdown", share): number for share, number in counts.slowdowns})
    expected += Counter({Plant(kind): counts.exact for kind in ("memory", "leak", "operator", "check")})
    for load in loads:
        assert plants(batches, load) == expected


@given(LOADS, st.integers(0, 2**32), COUNTS)
def test_a_batch_is_one_gate_command(loads, seed, counts):
    batches = make_plan(loads, seed, counts=counts)
    assert [batch.number for batch in batches] == list(range(len(batches)))
    for batch in batches:
        variants = [planned.variant for planned in batch.decisions]
        assert 1 <= len(variants) == len(set(variants)) <= BATCH_SIZE
        # The project has copies 0 to 7 of each.
        assert set(variants) <= {f"{work}[copy={copy}]" for work in WORK for copy in range(BATCH_SIZE)}


@given(LOADS, st.integers(0, 2**32))
def test_any_beginning_has_something_of_each_load(loads, seed):
    batches = make_plan(loads, seed)
    for end in range(1, len(batches) + 1):
        done = Counter(batch.load for batch in batches[:end])
        assert max(done.values()) - min(done[load] for load in loads) <= 1


@given(st.integers(0, 2**32))
def test_planted_and_identical_code_share_a_batch(seed):
    for batch in make_plan((0,), seed):
        kinds = Counter(planned.plant for planned in batch.decisions)
        assert 0 < kinds[NONE] < len(batch.decisions)


def test_each_gate_has_a_seed_of_its_own():
    # The gate draws a variant's order from its seed and name: with one seed, copy 0 would always start alike.
    batches = make_plan((0, 1, 2), 0)
    assert len({batch.seed for batch in batches}) == len(batches)


def test_the_seed_decides_everything():
    assert make_plan((0, 1), 7) == make_plan((0, 1), 7)
    assert make_plan((0, 1), 7) != make_plan((0, 1), 8)


def test_every_kind_of_work_bears_its_part_of_a_plant():
    batches = make_plan((0,), 3)
    slow = Counter(
        planned.variant.partition("[")[0]
        for batch in batches
        for planned in batch.decisions
        if planned.plant == Plant("slowdown", 0.05)
    )
    assert sorted(slow.values()) == [6, 7, 7]
    assert set(slow) == set(WORK)


def test_parts_can_be_left_out():
    exact = make_plan((0,), 0, ("exact",))
    assert {batch.part for batch in exact} == {"exact"}
    assert {batch.part for batch in make_plan((0,), 0)} == {"time", "exact"}


def test_on_a_gpu_the_same_is_planned_but_for_where_the_memory_lies():
    batches = make_plan((0,), 5, ("time", "exact"), PLANNED, "cuda")
    found = plants(batches, 0)
    assert found[Plant("slowdown", 0.03)] == 20
    assert found[NONE] == 60 + PLANNED.controls
    assert {plant.kind for plant in found} == {"none", "slowdown", "cuda_memory", "leak", "operator", "check"}
    assert max(len(batch.decisions) for batch in batches) == PLANNED.batch_size == 4
    for batch in batches:
        kinds = Counter(planned.plant for planned in batch.decisions)
        assert 0 < kinds[NONE] < len(batch.decisions)
    ids = {planned.variant for batch in batches for planned in batch.decisions}
    assert ids <= {variant_id(work, copy, "cuda") for work in WORK for copy in range(BATCH_SIZE)}


def test_times_and_exact_metrics_are_all_that_the_gate_judges():
    from benchsuite.gate.settings import GateSettings

    assert set(METRICS["time"]) | set(METRICS["exact"]) == set(GateSettings().metrics)
    assert not set(METRICS["time"]) & set(METRICS["exact"])
