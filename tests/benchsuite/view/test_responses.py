from __future__ import annotations

import io
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.view import responses
from benchsuite.view.library import OpenFile
from benchsuite.view.responses import Page, Part

CONTENT = bytes(range(100))


def found(name: str = "records.jsonl", content: bytes = CONTENT) -> OpenFile:
    return OpenFile(io.BytesIO(content), name, len(content), 17)


def sent(response: responses.Response) -> bytes:
    if isinstance(response.body, bytes):
        return response.body
    file = response.body.file.content
    file.seek(response.body.start)
    return file.read(response.body.length)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-9", CONTENT[:10]),
        ("bytes=90-", CONTENT[90:]),
        ("bytes=90-1000", CONTENT[90:]),
        ("bytes=-5", CONTENT[-5:]),
        ("bytes=-1000", CONTENT),
        ("bytes=99-99", CONTENT[99:]),
    ],
)
def test_a_range_is_a_part(wanted: str, expected: bytes) -> None:
    response = responses.file(found(), wanted)
    assert response.status == HTTPStatus.PARTIAL_CONTENT
    assert sent(response) == expected
    first, last = response.headers["Content-Range"].removeprefix("bytes ").partition("/")[0].split("-")
    assert int(last) - int(first) + 1 == response.length == len(expected)


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=-0", "bytes=9-3", "bytes=100-200"])
def test_a_range_outside_of_the_file_is_told(wanted: str) -> None:
    file = found()
    response = responses.file(file, wanted)
    assert response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    assert response.headers["Content-Range"] == "bytes */100"
    assert file.content.closed


@pytest.mark.parametrize(
    "wanted", ["", "bytes=", "bytes=-", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", "bytes=1" + "0" * 40 + "-"]
)
def test_what_is_no_single_range_brings_the_whole_file(wanted: str) -> None:
    response = responses.file(found(), wanted)
    assert response.status == HTTPStatus.OK
    assert sent(response) == CONTENT


@given(st.text(alphabet="bytes=0123456789-, ", max_size=20), st.binary(max_size=30))
def test_whatever_the_range_the_part_lies_in_the_file(wanted: str, content: bytes) -> None:
    response = responses.file(found(content=content), wanted)
    if isinstance(response.body, Part):
        assert 0 <= response.body.start <= response.body.start + response.body.length <= len(content)
        assert len(sent(response)) == response.length


def test_a_range_of_another_version_brings_the_whole_file() -> None:
    tag = responses.file(found()).headers["ETag"]
    assert responses.file(found(), "bytes=0-1", tag).status == HTTPStatus.PARTIAL_CONTENT
    assert responses.file(found(), "bytes=0-1", '"other"').status == HTTPStatus.OK


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("run.json", "application/json", True),
        ("summary.md", "text/plain; charset=utf-8", True),
        ("junit.xml", "text/plain; charset=utf-8", True),
        ("records.jsonl", "application/jsonl", False),
        ("trace.json.gz", "application/gzip", False),
        ("cuda_snapshot.pickle", "application/octet-stream", False),
        ("picture.svg", "application/octet-stream", False),
        ("page.xhtml", "application/octet-stream", False),
        ("PAGE.HTML", "application/octet-stream", False),
        ("none", "application/octet-stream", False),
    ],
)
def test_types_come_from_a_small_table_and_the_rest_is_saved(name: str, kind: str, shown: bool) -> None:
    headers = responses.file(found(name)).headers
    assert headers["Content-Type"] == kind
    assert headers["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["run.json", "flamegraph.html", "records.jsonl", "picture.svg"])
def test_files_are_kept_out_of_the_origin_of_the_pages(name: str) -> None:
    headers = responses.file(found(name)).headers
    policy = headers["Content-Security-Policy"]
    sandbox = next(part for part in policy.split("; ") if part.startswith("sandbox"))
    assert "allow-same-origin" not in sandbox
    assert ("allow-scripts" in sandbox) == name.endswith(".html")
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "Cross-Origin-Opener-Policy" not in headers  # a browser refuses it together with a sandbox


def test_a_name_cannot_end_its_header() -> None:
    disposition = responses.file(found('a"; filename=b\r\nX: y')).headers["Content-Disposition"]
    assert "\r" not in disposition
    assert '"' not in disposition


@pytest.mark.parametrize(
    "response",
    [
        responses.page(Page("", "default-src 'none'")),
        responses.page(Page("", "default-src 'none'", opens_windows=True)),
        responses.plain(HTTPStatus.NOT_FOUND),
        responses.file(found()),
        responses.file(found(), "bytes=100-"),
    ],
)
def test_every_response_keeps_the_secret(response: responses.Response) -> None:
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_page_lets_go_of_its_opener_unless_it_hands_something_over() -> None:
    policies = [
        responses.page(Page("", "p", opens_windows=opens)).headers["Cross-Origin-Opener-Policy"]
        for opens in (False, True)
    ]
    assert policies == ["same-origin", "same-origin-allow-popups"]
