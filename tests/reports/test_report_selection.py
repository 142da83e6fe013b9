from __future__ import annotations

import pytest

from benchsuite.errors import UsageError
from reports.selection import select


def test_some_variants_alone_keep_the_figures_of_the_whole_run(loaded) -> None:
    chosen = select(loaded, ["mode=max-autotune"])
    whole = loaded.comparisons.set_index("variant")["speedup"]
    kept = chosen.comparisons.set_index("variant")["speedup"]
    assert set(kept.index) == {"compile[mode=max-autotune]", "compile[mode=max-autotune,phase=infer]"}
    assert all(kept[variant] == whole[variant] for variant in kept.index)
    assert set(chosen.samples["variant"]) == {*kept.index, "canary"}
    assert chosen.narrowed >= {"compile"}


def test_a_whole_id_stands_for_itself_alone(loaded) -> None:
    chosen = select(loaded, ["batch_size[batch_size=1]"])
    assert list(chosen.variants["variant"]) == ["batch_size[batch_size=1]"]


def test_a_question_of_which_nothing_is_left_out_is_whole(loaded) -> None:
    chosen = select(loaded, ["compile["])
    assert [result.name for result in chosen.scenarios] == ["compile"]
    assert "compile" not in chosen.narrowed


def test_a_text_that_no_id_contains_is_refused(loaded) -> None:
    with pytest.raises(UsageError, match=r"-k max-autotun3: .*max-autotune"):
        select(loaded, ["max-autotun3"])
