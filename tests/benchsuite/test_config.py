from __future__ import annotations

import os
import re
import sys
import tomllib
from datetime import date
from pathlib import Path
from subprocess import run

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.config import (
    COMMAND_LINE,
    GateConfig,
    fewest_confirmation_pairs,
    load_config,
    overridden,
)
from benchsuite.config_schema import GateTable, LimitsTable, check_table
from benchsuite.config_text import as_toml, settings
from benchsuite.errors import UsageError
from benchsuite.gate.settings import DEFAULT_LIMITS, GateSettings, Quarantine, ScenarioLimits
from benchsuite.origin import DEFAULT_TASK

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "gate-config.md"
TODAY = date(2026, 6, 1)
EVERYTHING = """
task = "mine.bench:task"
scenarios = ["more/questions.py", "mine.questions"]
variants = ["compile[", "training"]
metrics = ["step_time", "peak_heap"]
detect = "10%"
level = 0.05
screening_pairs = 5
confirmation_pairs = 20
further_pairs = 0
budget = "8m"
timeout = 90
on_inconclusive = "fail"
on_machine_change = "report"
prepare = "make extensions"
seed = 7

[gate.limits]
step_time = "2%"
peak_heap = "1 MiB"
operators = 3

[[gate.scenario_limits]]
match = "compile["
limits = { step_time = "5%", leak = "1 KiB" }

[[gate.quarantine]]
match = "loader"
metric = "step_time"
reason = "the disk is being replaced"
until = 2026-12-31
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a repository's top, the current directory, with a function that writes its files."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_gate(folder, text):
    (folder / "benchsuite.toml").write_text(f"[gate]\n{text}")


def as_text(config):
    return {setting.key: setting.text for setting in settings(config)}


def error_of(function, *arguments, **options):
    with pytest.raises(UsageError) as caught:
        function(*arguments, **options)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    return said


def test_without_a_file_everything_is_a_default(repository):
    config = load_config()
    assert config.settings == GateSettings()
    assert (config.task, config.scenarios, config.only_scenarios, config.seed) == (DEFAULT_TASK, (), (), 0)
    assert config.file is None
    assert set(config.sources.values()) == {"default"}


def test_every_key_is_read(repository):
    write_gate(repository, EVERYTHING)
    config = load_config(today=TODAY)
    assert config.settings == GateSettings(
        variants=("compile[", "training"), metrics=("step_time", "peak_heap"),
        limits={**DEFAULT_LIMITS, "step_time": 0.02, "peak_heap": 2**20, "operators": 3},
        scenario_limits=(ScenarioLimits("compile[", {"step_time": 0.05, "leak": 1024}),),
        detect=0.1, level=0.05, screening_pairs=5, confirmation_pairs=20, further_pairs=0, budget_s=480, timeout_s=90,
        on_inconclusive="fail", on_machine_change="report", prepare="make extensions",
        quarantine=(Quarantine("loader", "the disk is being replaced", date(2026, 12, 31), "step_time"),),
    )  # fmt: skip
    assert (config.task, config.scenarios, config.seed) == (
        "mine.bench:task", ("more/questions.py", "mine.questions"), 7
    )  # fmt: skip
    assert {key for key, source in config.sources.items() if source == "default"} == {
        "only_scenarios", "limits.allocations", "limits.leak", "limits.kernels", "limits.graph_breaks",
        "limits.recompiles", "limits.cuda_peak_allocated",
    }  # fmt: skip


def test_each_metric_has_a_limit_that_can_be_written():
    assert set(LimitsTable.model_fields) == set(DEFAULT_LIMITS)


def test_each_value_has_a_source_and_a_key(repository):
    config = load_config()
    assert set(config.values()) == set(config.sources)
    assert set(GateTable.model_fields) == {key.partition(".")[0] for key in config.values()}


def test_both_files_can_hold_the_table_but_not_at_once(repository):
    pyproject = repository / "pyproject.toml"
    pyproject.write_text(
        '[project]\nname = "x"\n[tool.ruff]\nline-length = 9\n[tool.benchsuite.gate]\nseed = 3\n'
    )
    assert load_config().seed == 3
    assert load_config().sources["seed"] == "pyproject.toml"
    (repository / "benchsuite.toml").write_text("")
    assert load_config().seed == 3
    write_gate(repository, "seed = 4")
    said = error_of(load_config)
    assert "pyproject.toml ([tool.benchsuite.gate])" in said
    assert "benchsuite.toml ([gate])" in said
    pyproject.write_text('[project]\nname = "x"\n')
    assert load_config().seed == 4


def test_the_nearest_folder_up_to_the_repositorys_top_counts(tmp_path, monkeypatch):
    top = tmp_path / "top"
    inner = top / "inner"
    inner.mkdir(parents=True)
    write_gate(tmp_path, "seed = 1")
    monkeypatch.chdir(inner)
    assert load_config().seed == 0
    assert load_config(tmp_path).seed == 1
    write_gate(top, "seed = 2")
    assert load_config().seed == 0
    (top / ".git").write_text("gitdir: a worktree's")
    assert load_config().seed == 2
    assert load_config().file == top / "benchsuite.toml"
    (top / "benchsuite.toml").unlink()
    assert load_config().seed == 0
    write_gate(inner, "seed = 3")
    assert load_config().seed == 3


def test_files_of_scenarios_are_found_from_the_configurations_folder(repository, monkeypatch):
    write_gate(repository, 'only_scenarios = ["bench/mine.py", "mine.bench"]\ntask = "bench/task.py:task"')
    (repository / "sub").mkdir()
    monkeypatch.chdir(repository / "sub")
    config = load_config()
    assert config.only_scenarios == (os.path.join("..", "bench", "mine.py"), "mine.bench")  # noqa: PTH118
    assert config.task == "../bench/task.py:task"


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("detec = 1", "detec", "no such key: did you mean detect"),
        ("budget_s = 60", "budget_s", "did you mean budget"),
        ("[gate.limits]\nstep-time = 0.02", "limits.step-time", "did you mean step_time"),
        ("[gate.limits]\npeak_rss = 1", "limits.peak_rss", "no such key"),
        ("[gate.limits]\nstep_time = 2", "limits.step_time", 'write "2%"'),
        ("[gate.limits]\npeak_heap = '16 KB'", "limits.peak_heap", "is not a size"),
        ('"two\\nlines" = 1', "'two\\nlines'", "no such key"),
        ("limits = 3", "limits", "is no table"),
        ("scenario_limits = { match = 'a', limits = {} }", "scenario_limits", "[[...scenario_limits]]"),
        ("scenario_limits = [3]", "scenario_limits[0]", "is no table"),
        ("[[gate.scenario_limits]]\nmatch = 'a'", "scenario_limits[0].limits", "it is missing"),
        (
            "[[gate.scenario_limits]]\nmatch = 'a'\nlimits = { leek = 1 }",
            "scenario_limits[0].limits.leek",
            "leak",
        ),
        ("[[gate.scenario_limits]]\nmatches = 'a'\nlimits = {}", "scenario_limits[0].match", "it is missing"),
        ("[[gate.quarantine]]\nmatch = 'a'\nuntil = 2026-12-31", "quarantine[0].reason", "it is missing"),
        (
            "[[gate.quarantine]]\nmatch = ' '\nreason = 'a'\nuntil = 2026-12-31",
            "quarantine[0].match",
            "not a text",
        ),
        (
            "[[gate.quarantine]]\nmatch = 'a'\nreason = 'b'\nuntil = '2026-12-31'",
            "quarantine[0].until",
            "without quotes",
        ),
        (
            "[[gate.quarantine]]\nmatch = 'a'\nreason = 'b'\nuntil = 2026-12-31T00:00:00",
            "quarantine[0].until",
            "without quotes and time",
        ),
        (
            "[[gate.quarantine]]\nmatch = 'a'\nreason = 'b'\nuntil = 2026-12-31\nmetric = 'steptime'",
            "quarantine[0].metric",
            "did you mean step_time",
        ),
        ("metrics = ['step_tim']", "metrics", "did you mean step_time"),
        ("metrics = []", "metrics", "nothing is gated"),
        ("variants = 'compile'", "variants", "not a list"),
        ("variants = [1]", "variants", "not a text"),
        ("detect = 0", "detect", "cannot be detected"),
        ("level = '20%'", "level", "up to 0.1"),
        ("level = 0", "level", "above 0"),
        ("level = nan", "level", "not a share"),
        ("screening_pairs = 2", "screening_pairs", "at least 3"),
        ("screening_pairs = 4.5", "screening_pairs", "a whole number"),
        ("screening_pairs = true", "screening_pairs", "a whole number"),
        ("budget = 'soon'", "budget", "write 90s, 5m or 1h"),
        ("on_inconclusive = 'fial'", "on_inconclusive", "did you mean fail"),
        ("on_machine_change = true", "on_machine_change", "there are report, fail"),
        ("prepare = ''", "prepare", "not a text"),
        ("task = 'nonsense'", "task", "write MODULE:TASK"),
        ("seed = -1", "seed", "at least 0"),
        ("scenarios = ['a.py']\nonly_scenarios = ['b.py']", "only_scenarios", "keep one of them"),
        ("[gate.limits]\nstep_time = '5%'", "limits.step_time", "make detect larger"),
        ("detect = '1%'", "detect", "make detect larger"),
        (
            "[[gate.scenario_limits]]\nmatch = 'a'\nlimits = { step_time = 0.06 }",
            "scenario_limits[0].limits.step_time",
            "make detect larger",
        ),
        ("confirmation_pairs = 7", "confirmation_pairs", "write confirmation_pairs = 8 or more"),
        ("level = 0.0001", "level", "write confirmation_pairs = 15 or more"),
        (
            "[[gate.quarantine]]\nmatch = 'loader['\nreason = 'disk'\nuntil = 2026-05-31",
            "quarantine[0].until",
            "the quarantine of 'loader[' (disk) ended on 2026-05-31",
        ),
    ],
)
def test_what_does_not_do_is_told_with_file_key_and_what_to_write(repository, text, key, said):
    write_gate(repository, text)
    found = error_of(load_config, today=TODAY)
    assert found.startswith(f"benchsuite.toml: gate.{key}: ")
    assert said in found


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("benchsuite.toml", "[gate]\nseed = \n", "benchsuite.toml:2: not valid TOML"),
        ("benchsuite.toml", "[gate]\n\nx = '''open\n", "benchsuite.toml:3: not valid TOML"),
        (
            "pyproject.toml",
            "[tool.benchsuite.gate]\nseed = 1\nseed = 2\n",
            "pyproject.toml:3: not valid TOML",
        ),
        ("benchsuite.toml", f"x = {'1' * 5000}", "benchsuite.toml: not valid TOML"),
        ("benchsuite.toml", f"x = {'[' * 5000}", "benchsuite.toml: not valid TOML"),
        ("benchsuite.toml", "[gte]\nseed = 1\n", "benchsuite.toml: gte is not known: did you mean gate?"),
        ("benchsuite.toml", "gate = 1\n", "benchsuite.toml: gate is no table: write [gate]"),
        ("pyproject.toml", "[tool.benchsuite.gat]\n", "tool.benchsuite.gat is not known: did you mean gate?"),
        ("pyproject.toml", "[[tool.benchsuite.gate]]\n", "tool.benchsuite.gate is no table"),
        ("pyproject.toml", "[tool]\nbenchsuite = 2\n", "tool.benchsuite is no table"),
        (
            "pyproject.toml",
            "[tool.benchsuite.gate]\nsed = 2\n",
            "pyproject.toml: tool.benchsuite.gate.sed: no such",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(repository, file, text, said):
    (repository / file).write_text(text)
    assert said in error_of(load_config)


def test_a_file_that_is_not_utf_8_is_named(repository):
    (repository / "benchsuite.toml").write_bytes(b"[gate]\nprepare = '\xff'\n")
    assert "benchsuite.toml: cannot be read" in error_of(load_config)


def test_a_quarantine_holds_to_the_end_of_its_last_day(repository):
    write_gate(repository, "[[gate.quarantine]]\nmatch = 'a'\nreason = 'b'\nuntil = 2026-06-01")
    assert load_config(today=TODAY).settings.quarantined("a[x=1]", "leak") is not None
    assert "ended on 2026-06-01" in error_of(load_config, today=date(2026, 6, 2))


def test_the_last_scenario_limit_that_names_the_metric_holds(repository):
    write_gate(repository, EVERYTHING)
    found = load_config(today=TODAY).settings
    assert found.limit("compile[mode=eager]", "step_time") == 0.05
    assert found.limit("compile[mode=eager]", "operators") == 3
    assert found.limit("training", "step_time") == 0.02


def test_the_command_line_comes_before_the_file(repository):
    write_gate(repository, EVERYTHING)
    config = overridden(
        load_config(today=TODAY),
        {"budget": "90s", "limits.step_time": 0.03, "variants": ("loader",), "seed": None, "metrics": ()},
    )
    assert config.settings.budget_s == 90
    assert config.settings.limits["step_time"] == 0.03
    assert config.settings.limits["operators"] == 3
    assert config.settings.variants == ("loader",)
    assert (config.seed, config.settings.metrics) == (7, ("step_time", "peak_heap"))
    assert {key for key, source in config.sources.items() if source == COMMAND_LINE} == {
        "budget", "limits.step_time", "variants",
    }  # fmt: skip
    assert config.sources["seed"] == "benchsuite.toml"


def test_the_command_lines_scenarios_replace_the_files(repository):
    write_gate(repository, "scenarios = ['a.py']")
    config = overridden(load_config(), {"only_scenarios": ("b.py",)})
    assert (config.scenarios, config.only_scenarios) == ((), ("b.py",))
    said = error_of(overridden, load_config(), {"only_scenarios": ("b.py",), "scenarios": ("c.py",)})
    assert said.startswith("command line: only_scenarios: ")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"limits.step_time": "5%"}, "command line: limits.step_time: "),
        ({"limits.steptime": "5%"}, "command line: limits.steptime: no such key: did you mean step_time"),
        (
            {"level": 0.001},
            "command line: level: 8 pairs (confirmation_pairs, benchsuite.toml) cannot decide",
        ),
        ({"detect": 0.01}, "command line: detect: a slowdown of 1% (detect, command line)"),
    ],
)
def test_what_the_command_line_says_wrong_is_told(repository, values, said):
    write_gate(repository, "confirmation_pairs = 8\n")
    assert error_of(overridden, load_config(), values).startswith(said)


@given(st.floats(1e-6, 0.1, exclude_min=True))
def test_the_fewest_pairs_are_the_first_whose_smallest_p_is_below_half_the_level(level):
    fewest = fewest_confirmation_pairs(level)
    assert 2.0**-fewest < level / 2 <= 2.0 ** -(fewest - 1)


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        metric: st.floats(0, 0.04) if metric == "step_time" else st.floats(0, 1e12)
        for metric in DEFAULT_LIMITS
    },
)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "variants": st.lists(TEXTS),
        "limits": LIMITS,
        "scenario_limits": st.lists(st.fixed_dictionaries({"match": TEXTS, "limits": LIMITS})),
        "detect": st.floats(0.05, 0.9),
        "level": st.floats(0.001, 0.1),
        "budget": st.floats(0.001, 1e9),
        "prepare": TEXTS,
        "quarantine": st.lists(
            st.fixed_dictionaries(
                {"match": TEXTS, "reason": TEXTS, "until": st.dates(date(2026, 1, 1))},
                optional={"metric": st.sampled_from(sorted(DEFAULT_LIMITS))},
            )
        ),
        "seed": st.integers(0, 2**40),
    },
)


@given(TABLES)
def test_what_is_shown_can_be_read_again(table):
    config = overridden(GateConfig(sources=dict.fromkeys(GateConfig().values(), "default")), table)
    shown = tomllib.loads("\n".join(as_toml(settings(config))))
    flat = check_table(shown)
    values = {key: value for key, value in config.values().items() if value is not None}
    assert flat == values


def test_the_documents_name_each_key_with_its_default(repository):
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+?) \| ", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    said = {key: default.strip("`") for key, default in rows}
    words = {"not set": "", "all": as_text(load_config())["metrics"]}
    shown = {key.removeprefix("limits."): text for key, text in as_text(load_config()).items()}
    for key, text in shown.items():
        assert words.get(said[key], said[key]) == text, key
    assert said.keys() - shown.keys() == {"limits"}


def test_the_documents_example_can_be_used(repository):
    example = re.search(r"```toml\n(.+?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    (repository / "pyproject.toml").write_text(example[1])
    found = load_config(today=TODAY).settings
    assert found.limit("loader[workers=2]", "step_time") == 0.04
    assert found.quarantined("serving[batch=1]", "step_time") is not None


def test_reading_a_configuration_needs_no_torch(repository):
    code = "import sys; from benchsuite.config import load_config; assert 'pydantic' not in sys.modules; "
    code += "load_config(); assert 'torch' not in sys.modules; assert 'pydantic' not in sys.modules"
    done = run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_seed_that_torch_does_not_take_is_refused(repository):
    write_gate(repository, f"seed = {2**63 - 1}")
    assert load_config().seed == 2**63 - 1
    write_gate(repository, "seed = 12345678901234567890123456")
    with pytest.raises(UsageError, match=r"seed.*at most"):
        load_config()
