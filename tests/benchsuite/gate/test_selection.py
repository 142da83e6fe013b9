from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.errors import UsageError
from benchsuite.gate.selection import Candidate, matched, select
from benchsuite.gate.side_catalog import GatedVariant, SideCatalog
from benchsuite.gate.sides import Side, Sides
from benchsuite.gate.verdict import SideInfo
from benchsuite.origin import Origin
from benchsuite.scenario import CUDA, ProcessSpec, Variant
from benchsuite.worker.protocol import CodeSide


def gated(id_, side="head", module="bench", requires=()):
    variant = Variant(
        id_,
        id_.partition("[")[0],
        {},
        {},
        baseline=False,
        requirements=tuple(requires),
        process=ProcessSpec(),
    )
    return GatedVariant(variant, Origin(module, f"/{side}/bench.py"))


def side(name, variants, default, problem=""):
    code = CodeSide(root=f"/{name}", folder=f"/{name}", places=(), other_root="/other")
    catalog = SideCatalog({found.variant.id: found for found in variants}, tuple(default), None)
    return Side(name=name, info=SideInfo(name=name), code=code, catalog=catalog, problem=problem)


@pytest.fixture
def chosen():
    """Return a function from the ids that base and head have to what is selected of them."""

    def run(
        base, head, names=(), texts=(), *, default=None, problem="", everything=False, unmet=lambda r: None
    ):
        on_base = [gated(entry, "base") if isinstance(entry, str) else entry for entry in base]
        on_head = [gated(entry) if isinstance(entry, str) else entry for entry in head]
        ids = [found.variant.id for found in [*on_base, *on_head]] if default is None else default
        sides = Sides(
            base=side("base", [] if problem else on_base, ids, problem), head=side("head", on_head, ids)
        )
        return select(sides, names, texts, unmet, everything=everything)

    return run


def ids(found):
    return [
        [candidate.id for candidate in found.candidates],
        [variant.variant.id for variant in found.new],
        [variant.variant.id for variant in found.missing],
        [id_ for id_, _reason in found.skipped],
    ]


def test_what_both_sides_have_is_compared_and_what_one_has_is_told(chosen):
    assert ids(chosen(["a", "b", "gone"], ["b", "a", "added"])) == [["b", "a"], ["added"], ["gone"], []]


def test_each_side_keeps_its_own_variant(chosen):
    (candidate,) = chosen(["a"], ["a"]).candidates
    assert candidate.base.origin.file == "/base/bench.py"
    assert candidate.head.origin.file == "/head/bench.py"
    assert candidate.by_side == (("base", candidate.base), ("head", candidate.head))
    assert not candidate.lent


def test_a_variant_is_lent_where_the_base_runs_the_heads_file_under_another_name():
    assert Candidate(gated("a", module="benchsuite_lent_bench"), gated("a")).lent
    assert not Candidate(gated("a"), gated("a")).lent, "with two interpreters both sides have one file"


def test_the_default_set_is_taken_where_nothing_is_named(chosen):
    both = ["a[x=1]", "a[x=2]", "b"]
    assert ids(chosen(both, both, default=["a[x=1]"]))[0] == ["a[x=1]"]
    assert ids(chosen(both, both, default=["a[x=1]"], everything=True))[0] == both
    assert ids(chosen(both, both, names=["a"], default=["a[x=1]"]))[0] == ["a[x=1]", "a[x=2]"]
    assert ids(chosen(both, both, texts=["x=2", "b"], default=[]))[0] == ["a[x=2]", "b"]
    assert ids(chosen(both, both, names=["a"], texts=["x=2", "b"], default=[]))[0] == ["a[x=2]"]


def test_what_the_default_set_has_lost_is_no_finding_while_it_exists(chosen):
    sides = Sides(
        base=side("base", [gated("a"), gated("b"), gated("gone")], ["a", "b", "gone"]),
        head=side("head", [gated("a"), gated("b")], ["a"]),
    )
    assert ids(select(sides, (), (), lambda r: None)) == [["a"], [], ["gone"], []]


def test_all_that_was_asked_for_may_be_missing(chosen):
    assert ids(chosen(["a", "gone"], ["a"], names=["gone"])) == [[], [], ["gone"], []]


def test_what_this_machine_cannot_run_is_left_out_with_its_reason(chosen):
    on_gpu = gated("b", requires=[CUDA])
    found = chosen(["a", "b"], ["a", on_gpu], unmet=lambda requirement: f"no {requirement.kind} is here")
    assert ids(found) == [["a"], [], [], ["b"]]
    assert found.skipped == (("b", "no cuda is here"),)
    found = chosen(["a"], ["a", on_gpu], unmet=lambda requirement: "no")
    assert ids(found) == [["a"], [], [], ["b"]], "new or not"
    assert ids(chosen(["a", "b"], ["a", on_gpu]))[0] == ["a", "b"]


def test_a_base_that_does_not_import_makes_nothing_new_or_missing(chosen):
    assert ids(chosen([], ["a", "b"], problem="bench.py:1: it broke")) == [["a", "b"], [], [], []]


@pytest.mark.parametrize(
    ("name", "hint"), [("trianing", "did you mean training"), ("zzz", "there are optimizer, training")]
)
def test_an_unknown_scenario_is_told_with_the_nearest(chosen, name, hint):
    with pytest.raises(UsageError, match=rf"{name}.*{hint}"):
        chosen(["training"], ["training", "optimizer"], names=["training", name])


def test_a_text_that_no_variant_contains_is_told_with_the_nearest(chosen):
    with pytest.raises(UsageError, match=r"-k, .*: phase=trian: .*nearest are compile\[phase=train\]"):
        chosen(["compile[phase=train]"], ["compile[phase=train]"], texts=["phase=trian"])
    with pytest.raises(UsageError, match=r"-k, .*: qqqq: .*benchsuite list"):
        chosen(["a"], ["a"], texts=["qqqq", "zzzz"])


@pytest.mark.parametrize("problem", ["", "it broke"])
def test_each_text_must_be_contained_whatever_the_others_match(chosen, problem):
    with pytest.raises(UsageError, match=r"-k, .*: trian: .*nearest are train"):
        chosen(["train"], ["train", "infer"], texts=["infer", "trian"], problem=problem)


def test_a_text_may_be_known_to_the_base_alone(chosen):
    assert ids(chosen(["a", "gone"], ["a"], texts=["a", "gon"])) == [["a"], [], ["gone"], []]


def test_a_whole_name_selects_that_variant_alone(chosen):
    both = ["work", "work2", "work[x=1]"]
    assert ids(chosen(both, both, texts=["work"]))[0] == ["work"]
    assert ids(chosen(both, both, texts=["work", "k2"]))[0] == ["work", "work2"]
    assert ids(chosen(both, both, texts=["wor"]))[0] == both
    assert ids(chosen(both, both[1:], texts=["work"])) == [[], [], ["work"], []], "the base's is meant"


IDS = st.lists(st.text("ab", min_size=1, max_size=4), max_size=6)


@given(IDS, IDS)
def test_texts_match_each_by_itself(texts, known):
    found = matched(texts, known)
    assert found == {id_ for text in texts for id_ in matched([text], known)}
    for text in texts:
        alone = matched([text], known)
        assert alone == ({text} if text in known else {id_ for id_ in known if text in id_})


def test_a_name_and_a_text_that_do_not_meet(chosen):
    with pytest.raises(UsageError, match=r"-k, .*: b: no variant's name contains that in a$"):
        chosen(["a", "b"], ["a", "b"], names=["a"], texts=["b"])


def test_nothing_to_gate_at_all(chosen):
    with pytest.raises(UsageError, match="there is no variant to gate"):
        chosen(["a"], ["a"], default=[])
