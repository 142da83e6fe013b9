from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parents[1] / "reports"))
from sample_run import make_info, make_records, write_run

import reports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
LONG = "long" * 2500
HOSTILE = (
    """<script>document.title="taken"</script>{{7*7}}"'>"""
    f"<img src=x onerror=alert(1)>\u202egnirts\u200f$x^2$\x1b[31m{LONG}"
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system brings it; without one these tests are skipped, loudly."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        text = f"the report was NOT tried in a browser: none of {', '.join(BROWSERS)} is installed"
        warnings.warn(text, stacklevel=1)
        pytest.skip(text)
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="the report was NOT tried: playwright is missing"
    )
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample run."""
    return reports.build(write_run(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="session")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run in which every name, message and value is hostile."""
    import dataclasses

    def rename(text: str) -> str:
        return f"{text}{HOSTILE}"

    records = [
        dataclasses.replace(
            record,
            variant=rename(record.variant),
            scenario=record.scenario if record.scenario == "canary" else rename(record.scenario),
            reason=rename(record.reason) if record.reason else "",
            settings={key: rename(v) if isinstance(v, str) else v for key, v in record.settings.items()},
            context={key: rename(v) for key, v in record.context.items()},
            checks=tuple(dataclasses.replace(check, name=rename(check.name)) for check in record.checks),
            operators=tuple(dataclasses.replace(row, name=rename(row.name)) for row in record.operators),
            metrics={
                **record.metrics,
                **({"recall_" + HOSTILE: 0.5} if "recall_0" in record.metrics else {}),
            },
        )
        for record in make_records(rounds=3)
    ]
    info = make_info()
    scenarios = tuple(
        {
            **entry,
            "name": rename(entry["name"]),
            "question": rename(entry["question"]),
            "variants": [
                {
                    **variant,
                    "id": rename(variant["id"]),
                    "reason": rename(variant["reason"]) if variant["reason"] else "",
                    "settings": {
                        k: rename(v) if isinstance(v, str) else v for k, v in variant["settings"].items()
                    },
                    "context": {k: rename(v) for k, v in variant["context"].items()},
                }
                for variant in entry["variants"]
            ],
        }
        for entry in info.scenarios
    )
    info = dataclasses.replace(
        info,
        scenarios=scenarios,
        task=HOSTILE,
        task_name=HOSTILE,
        commit=HOSTILE,
        command=("python", "-m", "benchsuite", "run", "--task", HOSTILE),
        started=HOSTILE,
        machine={HOSTILE: HOSTILE, "cpu_model": HOSTILE, "os": [HOSTILE]},
        environments={HOSTILE: {"env": {HOSTILE: HOSTILE}, "torch": HOSTILE, "gpus": [{"name": HOSTILE}]}},
        left_out=(HOSTILE,),
        fitness=({"name": HOSTILE, "level": "warn", "message": HOSTILE, "remedy": HOSTILE},),
    )
    return reports.build(write_run(tmp_path_factory.mktemp("hostile"), info, records))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test when it logs an error or asks for anything but its own file."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened = context.new_page()
    faults: list[str] = []
    opened.on(
        "console",
        lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None,
    )
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    opened.on(
        "request", lambda request: None if request.url.startswith("file:") else faults.append(request.url)
    )
    yield opened
    context.close()
    assert faults == []
