from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchsuite.view.address import Address, Addresses, form_value

ADDRESSES = Addresses()
RUN = "20260302T091407Z-5ca1ab"
SECRET = ADDRESSES.of(RUN)
NAMES = st.text(min_size=1, max_size=40).filter(
    lambda name: (
        not name.startswith(".")
        and not set(name) & set("/\\:\x7f")
        and min(name) > "\x1f"
        and not any("\ud800" <= letter <= "\udfff" for letter in name)
    )
)
TRICKS = (
    "..",
    ".",
    "%2e%2e",
    "%252e%252e",
    "%2f",
    "%5c",
    "\\",
    "%00",
    "//",
    "~",
    "%c0%ae",
    "C:",
    ";",
    "?raw",
    "#",
    "%",
    "a",
)


def keeps_inside(address: Address) -> bool:
    """Whether no name of an address can lead out of a directory, on this system or another."""
    names = [*([address.run] if address.run else []), *address.file]
    return all(
        name not in {"", ".", ".."}
        and "\0" not in name
        and PurePosixPath(name).parts == (name,)
        and PureWindowsPath(name).parts == (name,)
        and not PureWindowsPath(name).drive
        for name in names
    )


@given(st.lists(st.sampled_from(TRICKS), max_size=8))
@example(["../../etc/passwd"])
@example(["%2e%2e%2f%2e%2e%2fetc%2fpasswd"])
@example(["artifacts", "/", "%2e%2e", "/", "run.json"])
def test_whatever_follows_the_secret_leads_out_of_no_run(pieces: list[str]) -> None:
    for between in ("", "/"):
        address = ADDRESSES.read(SECRET + between.join(pieces))
        assert address is None or (address.run == RUN and keeps_inside(address))


@given(NAMES, st.lists(NAMES, min_size=1, max_size=4))
@example("läufe 7", ["artifacts", "compile-mode=eager,phase=infer", "operators-0", "trace.json.gz"])
@example("100%", ["%2e%2e"])
def test_an_address_is_read_back(run: str, file: list[str]) -> None:
    address = ADDRESSES.of(run, "/".join(file))
    assert ADDRESSES.read(address) == Address(run, tuple(file), folder=False)
    assert ADDRESSES.read(f"{address}?raw") == Address(run, tuple(file), folder=False, raw=True)
    assert ADDRESSES.read(ADDRESSES.of(run)) == Address(run)


def test_a_name_that_is_no_utf8_is_read_back() -> None:
    run = os.fsdecode(b"run-\xff")
    assert ADDRESSES.read(ADDRESSES.of(run)) == Address(run)
    assert ADDRESSES.read(ADDRESSES.comparison(run, RUN)) == Address(compared=(run, RUN))


@given(NAMES, NAMES)
@example("a=1&b=2", "100%25+1")
def test_two_runs_are_read_back_as_a_form_sends_them(before: str, after: str) -> None:
    expected = Address(compared=(before, after))
    assert ADDRESSES.read(ADDRESSES.comparison(before, after)) == expected
    sent = urlencode({"a": form_value(before), "b": form_value(after)})
    assert ADDRESSES.read(f"{ADDRESSES.index()}?{sent}") == expected


@pytest.mark.parametrize(
    ("query", "compared"),
    [
        ("", None),
        ("raw", None),
        ("c=1", None),
        ("a=one", ("one", "")),
        ("b=one", ("", "one")),
        ("a=one&b=", ("one", "")),
        ("a=..&b=%252e%252e%252fone", ("", "")),
        ("a=.hidden&b=one/two", ("", "")),
        (f"a=one&b={'x' * 256}", ("one", "")),
    ],
)
def test_what_can_be_no_run_is_none_of_the_two(query: str, compared: tuple[str, str] | None) -> None:
    assert ADDRESSES.read(f"{ADDRESSES.index()}?{query}") == Address(compared=compared)


def test_two_runs_are_compared_with_the_secret_of_the_list_alone() -> None:
    assert ADDRESSES.read(f"{SECRET}?a=one&b=two") == Address(RUN)
    assert ADDRESSES.read("/wrong/?a=one&b=two") is None


@given(st.text())
@example("/")
@example("//")
@example("/../")
def test_nothing_is_found_without_the_secret(target: str) -> None:
    assert ADDRESSES.read(target) is None


@given(st.data())
def test_nearly_the_secret_is_not_the_secret(data: st.DataObject) -> None:
    right = data.draw(st.sampled_from([ADDRESSES.index(), SECRET]))
    place = data.draw(st.integers(1, right.index("/", 1) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_").filter(lambda one: one != right[place]))
    assert ADDRESSES.read(right[:place] + letter + right[place + 1 :]) is None
    assert ADDRESSES.read(right[:place] + right[place + 1 :]) is None


def test_each_run_has_a_secret_of_its_own() -> None:
    token = ADDRESSES.index().strip("/")
    own = SECRET.split("/")[1]
    assert token not in SECRET
    assert ADDRESSES.read(f"/{own}/") is None
    assert ADDRESSES.read(f"/{own}/other/") is None
    assert ADDRESSES.read(f"/{token}/{RUN}/") is None
    assert Addresses().index() != ADDRESSES.index()


@pytest.mark.parametrize(
    ("ending", "folder"), [("", False), ("/", True), ("/?raw", True), ("?x/", False), ("?/", False)]
)
def test_a_folder_ends_in_a_slash(ending: str, folder: bool) -> None:
    address = ADDRESSES.read(SECRET.rstrip("/") + ending)
    assert address is not None
    assert (address.run, address.folder) == (RUN, folder)


@pytest.mark.parametrize(
    "name", ["..", ".", ".hidden", "a/b", "a\\b", "a\0b", "a\nb", "C:", "x" * 256, "é" * 128]
)
def test_names_that_are_none_are_refused(name: str) -> None:
    encoded = quote(name, safe="").replace(".", "%2e")
    assert unquote(encoded) == name
    assert ADDRESSES.read(SECRET + encoded) is None


@pytest.mark.parametrize("target", ["http://127.0.0.1{}", "*", "{} x", "{}é", "{}#top", "{}\x7f"])
def test_a_target_is_a_path_in_ascii(target: str) -> None:
    assert ADDRESSES.read(target.format(SECRET)) is None
    assert ADDRESSES.read(SECRET + "a" * 5000) is None
