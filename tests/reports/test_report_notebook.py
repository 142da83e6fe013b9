from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from hostile_run import write_empty_run, write_hostile_run, write_interrupted_run

import reports

VOID = {"br", "hr", "img", "input", "meta", "link"}
TAGS = {
    "div", "style", "p", "details", "summary", "strong", "span", "table", "thead", "tbody", "tr", "th", "td", "code",
}  # fmt: skip


class Reader(HTMLParser):
    """Reads a piece of HTML, and refuses one whose elements are not nested."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.style = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text.append(data)


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(reports.load(path)._repr_html_())
    reader.close()
    assert not reader.open
    return reader


def test_a_run_shows_its_answers_and_tables(sample, loaded) -> None:
    reader = read(sample)
    text = " ".join(reader.text)
    assert "Does torch.compile pay?" in text
    assert "as fast as eager" in text
    assert "max-autotune" in text
    assert "Problem: batch_size[batch_size=2048] failed" in text
    assert len(loaded._repr_html_()) < 40_000


def test_its_style_reaches_nothing_else_and_it_loads_nothing(sample) -> None:
    reader = read(sample)
    selectors = [part for rule in re.findall(r"([^{}]+)\{", reader.style) for part in rule.split(",")]
    assert selectors
    assert all(selector.strip().startswith(".benchsuite-run") for selector in selectors)
    assert "url(" not in reader.style
    assert "@" not in reader.style
    assert "color: inherit" in reader.style


@pytest.mark.parametrize("write", [write_hostile_run, write_interrupted_run, write_empty_run])
def test_no_name_is_markup_whatever_state_a_run_is_in(write, tmp_path) -> None:
    reader = read(write(tmp_path))
    assert reader.tags <= TAGS
    assert reader.attributes <= {"class", "scope", "tabindex", "role", "aria-label"}
    text = " ".join(reader.text)
    text.encode("utf-8")
    assert not set(text) & set("\x00\x1b\u202e")


def test_a_run_that_is_not_whole_says_so_first(tmp_path) -> None:
    text = " ".join(read(write_interrupted_run(tmp_path)).text)
    assert text.index("The run was interrupted") < text.index("How large a batch")
    assert "could not be read" in text


def test_a_long_table_is_cut_and_says_so(make_run) -> None:
    run = make_run({"plain": [1.0, 1.0, 1.0], **{f"m{n}": [1.0, 1.1, 1.0] for n in range(80)}})
    html = reports.load(run)._repr_html_()
    assert html.count("<tr>") == 61
    assert "21 more rows" in html
