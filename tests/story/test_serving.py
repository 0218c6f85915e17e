import http.client
import json
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.report import samples
from tests.report.test_following import lines, plan, put

from overnight.story import serving
from overnight.values.errors import InputError


@pytest.fixture
def night(tmp_path: Path) -> Path:
    plan(tmp_path)
    put(tmp_path, "".join(lines(samples.going())))
    return tmp_path


@pytest.fixture
def served(night: Path) -> Iterator[ThreadingHTTPServer]:
    with serving.server(night, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: ThreadingHTTPServer, path: str, host: str | None = None, method: str = "GET"):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    body = answer.read().decode("utf-8")
    connection.close()
    return answer, body


def test_the_page_and_its_figures_are_served(served):
    answer, body = ask(served, "/")
    assert answer.status == 200 and 'data-home="server"' in body and "Training" in body
    assert answer.headers["Cache-Control"] == "no-store"
    answer, body = ask(served, "/report.json?x=1")
    assert answer.status == 200 and json.loads(body)["actual"]["state"] == "training"


def test_it_listens_on_loopback_alone(served):
    assert served.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_a_name_that_was_turned_here_from_outside_is_refused(served, host):
    assert ask(served, "/", host=host)[0].status == 403


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:80"])
def test_a_forwarded_port_is_this_machine_all_the_same(served, host):
    assert ask(served, "/", host=host)[0].status == 200


@pytest.mark.parametrize("path", ["/events.jsonl", "/../plan.json", "/plan.json"])
def test_nothing_else_is_read(served, path):
    assert ask(served, path)[0].status == 404


def test_nothing_can_be_sent(served):
    assert ask(served, "/", method="POST")[0].status == 501


def test_what_is_new_is_shown_but_drawing_takes_its_share_at_most(night: Path):
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0  # every drawing takes a second
        return now[0]

    newest = serving.Newest(night, clock)
    before = newest.page()
    put(night, "".join(lines(samples.healthy()[len(samples.going()) :])))
    assert newest.page() == before  # a second of drawing is paid for with fifty of rest
    now[0] += 60.0
    assert newest.page() != before


def test_a_port_that_is_taken_is_refused_and_the_usual_one_is_not_needed(served, night: Path):
    with pytest.raises(InputError, match=f"port {served.server_port} cannot be used"):
        serving.server(night, served.server_port)
    with serving.server(night, None) as one, serving.server(night, None) as two:
        assert one.server_port != two.server_port


def test_a_folder_that_holds_no_night_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="holds no plan"):
        serving.server(tmp_path, None)
