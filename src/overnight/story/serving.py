"""The page of a night, served to this machine's own browser.

In: a run folder, a port. Out: the page at /, its figures at /report.json. Never: listens beyond
loopback, answers a name that is not this machine's, reads anything else, writes.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from overnight.report import pages, plots, summary
from overnight.report.following import Following
from overnight.values.errors import InputError

HOST = "127.0.0.1"
PORT = 8642
NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Under which a browser of this machine may ask: any other name was turned here from outside."""
SHARE = 0.02
"""Of the time that drawing the page anew may take: the machine is the night's."""


@dataclass(slots=True)
class Newest:
    """The page and its figures as last drawn."""

    folder: Path
    clock: Callable[[], float] = time.monotonic
    following: Following = field(init=False)
    _lock: Lock = field(default_factory=Lock)
    _page: str = ""
    _data: str = ""
    _again_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.following = Following(self.folder)

    def page(self) -> str:
        """The page, no older than drawing it may be dear.

        Raises:
            InputError: the folder holds no plan (any more).
        """
        self._draw()
        return self._page

    def data(self) -> str:
        """The same as report.json has it."""
        self._draw()
        return self._data

    def _draw(self) -> None:
        with self._lock:
            begun = self.clock()
            if begun < self._again_at:
                return
            if self.following.news() or not self._page:
                report = self.following.report()
                name = self.folder.resolve().name
                self._page = pages.render(report, name=name, home="server")
                told = summary.as_json(report) | {"figures": plots.as_json(report)}
                self._data = json.dumps(told, indent=1, allow_nan=False)
            ended = self.clock()
            self._again_at = ended + (ended - begun) / SHARE


def handler(newest: Newest) -> type[BaseHTTPRequestHandler]:
    """A handler that knows two places and nothing else."""
    places = {"/": ("text/html", newest.page), "/report.json": ("application/json", newest.data)}

    class Answering(BaseHTTPRequestHandler):
        """GET only."""

        server_version = "overnight"
        sys_version = ""

        def do_GET(self) -> None:
            """The page, its figures, or what is the matter."""
            host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
            place = places.get(self.path.partition("?")[0])
            if host not in NAMES:
                self._answer(HTTPStatus.FORBIDDEN, "text/plain", "this page is for this machine")
            elif place is None:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there is only /")
            else:
                try:
                    self._answer(HTTPStatus.OK, place[0], place[1]())
                except InputError as error:
                    self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", str(error))

        def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
            body = text.encode("utf-8")
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("X-Frame-Options", "SAMEORIGIN")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            """Nothing: a page that asks every few seconds would fill the terminal."""

    return Answering


def server(folder: Path, port: int | None) -> ThreadingHTTPServer:
    """A server on loopback, on `port` or, where none was asked for, on the usual or any free one.

    Raises:
        InputError: the port that was asked for is taken, or the folder holds no night.
    """
    newest = Newest(folder)
    newest.following.known()
    for tried in (port,) if port is not None else (PORT, 0):
        try:
            return ThreadingHTTPServer((HOST, tried), handler(newest))
        except OSError as error:
            refused = error
    raise InputError(f"port {port} cannot be used ({refused}); give another --port")
