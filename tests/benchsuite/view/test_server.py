from __future__ import annotations

import http.client
import os
import socket
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from benchsuite.errors import NotComparableError, UsageError
from benchsuite.view.address import Addresses
from benchsuite.view.library import Library
from benchsuite.view.responses import Page
from benchsuite.view.server import Server
from benchsuite.view.site import Pages, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TRACE = os.urandom(3_000_000)
ADDRESSES = Addresses()


def page(text: str) -> Page:
    return Page(text, "default-src 'none'")


def fail(_run: Path) -> Page:
    raise NotComparableError("it has schema 9")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "runs"
    for name in ("one", "newer"):
        (folder / name / "artifacts" / "v" / "operators-0").mkdir(parents=True)
        (folder / name / "run.json").write_text("{}", encoding="utf-8")
        (folder / name / "artifacts" / "v" / "operators-0" / "trace.json.gz").write_bytes(TRACE)
        (folder / name / "empty").touch()
    (folder.parent / "secret").write_text("secret", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def faults() -> list[str]:
    return []


@pytest.fixture(scope="module")
def server(root: Path, faults: list[str]) -> Iterator[Server]:
    pages = Pages(
        index=lambda runs: page(" ".join(sorted(run.path.name for run in runs))),
        comparison=lambda before, after, index: page(f"{before.files} {after.files} {index}"),
        files=lambda run, _index: page(f"files of {run.name}") if run.name == "one" else page(str(1 / 0)),
        report=lambda run: page(f"report of {run.name}") if run.name == "one" else fail(run),
        trace=lambda _run, names, size: Page(f"{names[-1]} {size}", "default-src 'none'", opens_windows=True),
        trouble=lambda message: page(f"trouble: {message}"),
    )
    with Server(Site(Library(root), ADDRESSES, pages), 0, faults.append) as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.01,))
        thread.start()
        yield one
        one.shutdown()
        thread.join()
    assert all("ZeroDivisionError" in fault for fault in faults)


@pytest.fixture
def ask(server: Server) -> Callable[..., tuple[http.client.HTTPResponse, bytes]]:
    """Send one request as it stands, and return its answer."""

    def ask(
        target: str, method: str = "GET", host: str = "", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        connection._validate_path = lambda _url: None
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for value in host.split("|") if host else [f"127.0.0.1:{server.server_port}"]:
            if value != "none":
                connection.putheader("Host", value.format(port=server.server_port))
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    return ask


def exchange(server: Server, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_pages_are_found_with_their_secret(ask) -> None:
    assert ask(ADDRESSES.index())[1] == b"newer one"
    assert ask(ADDRESSES.of("one"))[1] == b"files of one"
    response, body = ask(ADDRESSES.of("one", "report.html"))
    assert (response.status, body) == (200, b"report of one")
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Python" not in response.headers["Server"]


def test_two_runs_are_compared_each_at_its_own_address(ask) -> None:
    response, body = ask(ADDRESSES.comparison("one", "newer"))
    assert response.status == 200
    assert body.decode().split() == [ADDRESSES.of("one"), ADDRESSES.of("newer"), ADDRESSES.index()]


@pytest.mark.parametrize("query", ["a=one", "b=one", "a=one&b=one", "a=one&b=gone", "a=one&b=.."])
def test_less_than_two_runs_are_no_comparison(ask, query: str) -> None:
    response, body = ask(f"{ADDRESSES.index()}?{query}")
    assert response.status == 400
    assert body.startswith(b"trouble: This address names no two runs")


def test_a_folder_without_its_slash_is_found(ask) -> None:
    for target in (ADDRESSES.index(), ADDRESSES.of("one")):
        response, _body = ask(target.rstrip("/"))
        assert (response.status, response.headers["Location"]) == (307, target)


def test_without_the_secret_nothing_can_be_told_from_nothing(ask) -> None:
    answers = set()
    for target in (
        "/",
        "/favicon.ico",
        "/one/",
        "/x/one/run.json",
        ADDRESSES.of("one")[:-6],
        "/" + "a" * 5000,
    ):
        response, body = ask(target)
        headers = tuple((name, value) for name, value in response.headers.items() if name != "Date")
        answers.add((response.status, body, headers))
    assert {status for status, *_ in answers} == {404}
    assert len(answers) == 1


@pytest.mark.parametrize(
    "path",
    [
        "../secret", "../../secret", "..%2fsecret", "%2e%2e/secret", "%2e%2e%2fsecret", "%252e%252e%252fsecret",
        "..\\secret", "..%5csecret", "artifacts/../../../secret", "artifacts/..%00/secret", "run.json%00", "/etc/passwd",
        "%2fetc%2fpasswd", "//etc/passwd", "....//secret", "..;/secret", "%c0%ae%c0%ae/secret", "%uff0e%uff0e/secret",
        "run.json/", "artifacts", "artifacts/", ".", "./run.json", "\\\\127.0.0.1\\c$", "C:\\secret", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_a_run(ask, path: str) -> None:
    response, body = ask(ADDRESSES.of("one") + path)
    assert response.status == 404
    assert body == b"Not Found\n"


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}"])
def test_this_machine_is_served_by_its_names(ask, host: str) -> None:
    assert ask(ADDRESSES.index(), host=host)[0].status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{port}",
        "none",
        "localhost:{port}|evil.example",
    ],
)
def test_another_host_is_refused_even_with_the_secret(ask, host: str) -> None:
    response, body = ask(ADDRESSES.index(), host=host)
    assert response.status == HTTPStatus.MISDIRECTED_REQUEST
    assert b"one" not in body.split()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "BREW"])
def test_only_reading_is_allowed(ask, method: str) -> None:
    response, _body = ask(ADDRESSES.index(), method=method)
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_head_brings_the_headers_alone(ask) -> None:
    for target in (ADDRESSES.index(), ADDRESSES.of("one", "artifacts/v/operators-0/trace.json.gz")):
        response, body = ask(target, method="HEAD")
        assert response.status == 200
        assert body == b""
        assert int(response.headers["Content-Length"]) == int(ask(target)[0].headers["Content-Length"]) > 0


def test_files_come_whole_and_in_parts(ask) -> None:
    target = ADDRESSES.of("one", "artifacts/v/operators-0/trace.json.gz")
    response, body = ask(target)
    assert (response.status, body) == (200, TRACE)
    response, body = ask(target, Range="bytes=1000000-2000000")
    assert (response.status, body) == (206, TRACE[1000000:2000001])
    response, body = ask(target, Range="bytes=3000000-")
    assert (response.status, body) == (416, b"")
    assert ask(ADDRESSES.of("one", "empty"))[1] == b""


def test_a_browser_that_goes_to_a_trace_gets_the_page_that_opens_it(ask) -> None:
    target = ADDRESSES.of("one", "artifacts/v/operators-0/trace.json.gz")
    response, body = ask(target, Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert body == b"trace.json.gz 3000000"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert ask(f"{target}?raw", Accept="text/html")[1] == TRACE


def test_what_is_wrong_with_a_run_is_a_page(ask) -> None:
    response, body = ask(ADDRESSES.of("newer", "report.html"))
    assert (response.status, body) == (500, b"trouble: it has schema 9")


def test_a_fault_is_told_where_the_server_runs_and_it_goes_on(ask, faults: list[str]) -> None:
    response, body = ask(ADDRESSES.of("newer"))
    assert response.status == 500
    assert b"ZeroDivisionError" not in body
    assert "ZeroDivisionError" in faults[-1]
    assert ask(ADDRESSES.index())[0].status == 200


def test_one_connection_takes_several_requests(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    for _ in range(3):
        connection.request("GET", ADDRESSES.of("one", "run.json"))
        assert connection.getresponse().read() == b"{}"
    connection.close()


def test_a_body_is_not_taken_for_a_request(server: Server) -> None:
    inner = f"GET {ADDRESSES.index()} HTTP/1.1\r\nHost: localhost:{server.server_port}\r\n\r\n"
    for length in (f"Content-Length: {len(inner)}", "Transfer-Encoding: chunked"):
        for method in ("GET", "POST"):
            head = f"{method} /x HTTP/1.1\r\nHost: localhost:{server.server_port}\r\n{length}\r\n\r\n"
            answer = exchange(server, (head + inner).encode())
            assert answer.count(b"HTTP/1.1 ") == 1
            assert b"newer one" not in answer


@pytest.mark.parametrize(
    ("request_", "phrase"),
    [
        (b"GARBAGE\r\n\r\n", b"Bad Request"),
        (b"GET\t/\tHTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", b"Not Found"),
        (b"POST\t/\tHTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", b"Method Not Allowed"),
        (b"GET / HTTP/9.9\r\n\r\n", b"HTTP Version Not Supported"),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", b"URI Too Long"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"Request Header Fields Too Large"),
    ],
)
def test_what_is_no_request_is_answered_plainly(server: Server, request_: bytes, phrase: bytes) -> None:
    answer = exchange(server, request_.replace(b"PORT", str(server.server_port).encode()))
    assert answer.endswith(phrase + b"\n")
    assert b"<" not in answer


def test_a_client_that_goes_away_disturbs_nobody(server: Server, ask, faults: list[str]) -> None:
    known = len(faults)
    target = ADDRESSES.of("one", "artifacts/v/operators-0/trace.json.gz")
    for _ in range(5):
        connection = socket.create_connection(("127.0.0.1", server.server_port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost:{server.server_port}\r\n\r\n".encode())
        connection.recv(10)
        connection.close()
    assert ask(ADDRESSES.index())[0].status == 200
    assert len(faults) == known


def test_a_port_that_is_taken_is_one_line(server: Server) -> None:
    with pytest.raises(UsageError, match=f"--port {server.server_port}: cannot listen there"):
        Server(server.site, server.server_port, print)


def test_only_this_machine_can_reach_it(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
