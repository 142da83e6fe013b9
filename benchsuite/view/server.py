"""The adapter between sockets and `Site`: reads requests, sends responses, knows nothing of what they mean."""

from __future__ import annotations

import sys
import traceback
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from benchsuite.errors import UsageError
from benchsuite.view import responses
from benchsuite.view.responses import Part, Response
from benchsuite.view.site import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.view.site import Site

ADDRESS: Final = "127.0.0.1"
IDLE_S: Final = 30.0
"""A connection on which nothing moves for so long is closed."""
GONE: Final = (ConnectionError, TimeoutError)
"""What a client that has gone away raises."""


class Server(ThreadingHTTPServer):
    """Serves a site on this machine alone; threads end with the process."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, site: Site, port: int, on_fault: Callable[[str], None]) -> None:
        """Listen on a port; 0: on any that is free.

        Args:
            site: answers the requests.
            port: of this machine.
            on_fault: told the traceback when answering fails in a way that nobody foresaw.

        Raises:
            UsageError: the port is taken, or may not be used.
        """
        self.site = site
        self.on_fault = on_fault
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise UsageError(
                f"--port {port}: cannot listen there ({error.strerror}): name another port, or leave it out for a free one"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that went away; tell what is a fault."""
        del request, client_address
        if not isinstance(sys.exception(), GONE):
            self.on_fault(traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def do_GET(self) -> None:
        """Answer one request, whatever its method."""
        headers = self.headers
        hosts = headers.get_all("Host", [])
        # A body is never read, so nothing after it can be told from it.
        self.close_connection |= bool(headers.get("Content-Length") or headers.get("Transfer-Encoding"))
        request = Request(
            method=self.command,
            target=self.requestline.split()[1],
            host=hosts[0].lower() if len(hosts) == 1 else "",
            accept=headers.get("Accept", ""),
            range=headers.get("Range", ""),
            if_range=headers.get("If-Range", ""),
        )
        try:
            response = self.server.site.respond(request, self.server.server_port)
        except Exception:  # noqa: BLE001 - one page that fails must not end the server, nor be silent
            self.server.on_fault(traceback.format_exc())
            response = responses.plain(
                HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of benchsuite: the terminal has the details"
            )
        self._send(response)

    do_HEAD = do_GET  # noqa: N815 - named by the protocol

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request, or one of another method, as plainly as the others."""
        del message, explain
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self.do_GET()
        else:
            self._send(responses.plain(HTTPStatus(code)))

    def version_string(self) -> str:
        """Name the program, without versions."""
        return "benchsuite"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Log nothing: addresses hold the secret."""

    def _send(self, response: Response) -> None:
        body = response.body
        try:
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(response.length))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "HEAD" or not response.length:
                return
            if isinstance(body, bytes):
                self.wfile.write(body)
            elif self.connection.sendfile(body.file.content, body.start, body.length) < body.length:
                self.close_connection = True  # the file became shorter
        except GONE:
            self.close_connection = True  # whoever asked has gone
        finally:
            if isinstance(body, Part):
                body.file.content.close()
