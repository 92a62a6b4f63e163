"""What the server writes: request lines of every style, server lines, and that writing never hurts."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from pathlib import Path

import pytest
from harness import uwsgi
from harness.address import Address
from harness.client import ALL_DOORS, DOORS, HTTP_SOCKET, Client
from harness.load import Load
from harness.raw import Connection
from harness.server import APPS, Server
from harness.waiting import wait_until

UWSGI_LINE = re.compile(
    r"^\[pid: (?P<pid>\d+)\|app: 0\|req: (?P<mine>\d+)/(?P<all>\d+)\] (?P<address>\S+) \((?P<user>[^)]*)\) "
    r"\{(?P<vars>\d+) vars in (?P<bytes>\d+) bytes\} "
    r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] "
    r"(?P<method>\S+) (?P<uri>\S+) => generated (?P<size>\d+) bytes in (?P<time>\d+) msecs "
    r"\((?P<protocol>\S+) (?P<status>\d+)\) (?P<headers>\d+) headers in (?P<headbytes>\d+) bytes "
    r"\((?P<switches>\d+) switches on core (?P<core>\d+)\)$"
)


def ini(apps: Path, *lines: str) -> str:
    """A uWSGI config."""
    return "\n".join(
        [
            "[uwsgi]",
            "http-socket = 127.0.0.1:0",
            f"pythonpath = {apps}",
            "module = everything:app",
            "master = true",
            *lines,
            "",
        ]
    )


def request_lines(server: Server, mark: int, part: str) -> list[str]:
    """The log lines since the mark that have this in them."""
    return [line for line in server.lines_since(mark) if part in line]


# Styles


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_the_readable_line(serve, door) -> None:
    """Without a uWSGI config: a line for people."""
    server: Server = serve("everything:app", doors=ALL_DOORS)
    mark = server.mark()
    assert Client(server, door).get("/big?size=1234").status == 200
    line = server.wait_line(r"/big\?size=1234", after=mark).string
    for part in ("GET", "200", "1234"):
        assert part in line
    assert ("192.0.2.7" if door.speaks == "uwsgi" else "127.0.0.1") in line


def test_uwsgi_s_line_with_a_uwsgi_config(start, home) -> None:
    home.write("x.ini", ini(APPS))
    server: Server = start("--ini", "x.ini", home=home).wait_ready()
    client = Client(server, HTTP_SOCKET)
    for number in (1, 2):
        mark = server.mark()
        assert client.get(f"/big?size=1234&n={number}").status == 200
        line = server.wait_line(rf"/big\?size=1234&n={number}", after=mark).string
        match = UWSGI_LINE.match(line)
        assert match is not None, line
        assert (match["mine"], match["all"]) == (str(number), str(number))
        assert match["address"] == "127.0.0.1"
        assert (match["method"], match["size"], match["status"]) == ("GET", "1234", "200")
        assert match["protocol"] == "HTTP/1.1"
        assert int(match["headers"]) >= 2
        assert int(match["vars"]) >= 10


TEMPLATE = (
    "%(addr) [%(method)] %(uri) %(proto) %(status) %(rsize)/%(hsize)/%(size) %(cl) %(msecs) %(micros) %(uagent) "
    "%(referer) %(host) %(var.HTTP_X_ONE) %(var.NOT_THERE) %(wid) %(pid) %(epoch) %(user) end"
)


def test_log_format(serve) -> None:
    server: Server = serve("everything:app", "--log-format", TEMPLATE)
    mark = server.mark()
    headers = [("User-Agent", "tester/1"), ("Referer", "http://from/"), ("Host", "shop.example"), ("X-One", "first")]
    response = Client(server, HTTP_SOCKET).request("POST", "/big?size=100", headers, b"12345")
    assert response.status == 200
    line = server.wait_line("end$", after=mark).string
    match = re.search(
        r"127\.0\.0\.1 \[POST\] /big\?size=100 HTTP/1\.1 200 100/(\d+)/(\d+) 5 (\d+) (\d+) tester/1 "
        r"http://from/ shop\.example first - 1 (\d+) (\d+) - end$",
        line,
    )
    assert match is not None, line
    assert int(match[2]) == 100 + int(match[1])


def test_log_format_from_an_ini(start, home) -> None:
    home.write("x.ini", ini(APPS, 'log-format = %(addr) "%(method) %(uri) %(proto)" %(status) %(size)'))
    server: Server = start("--ini", "x.ini", home=home).wait_ready()
    assert Client(server, HTTP_SOCKET).get("/index").status == 200
    server.wait_line(r'^127\.0\.0\.1 "GET /index HTTP/1\.1" 200 \d+$')


def test_unknown_name_in_log_format_is_said(serve) -> None:
    server: Server = serve("everything:app", "--log-format", "%(statos) %(uri)")
    server.wait_line("statos")
    assert "status" in server.log.text
    assert Client(server, HTTP_SOCKET).get("/index").status == 200
    server.wait_line(r"- /index")


def test_log_micros(start, home) -> None:
    home.write("x.ini", ini(APPS, "log-micros = true"))
    server: Server = start("--ini", "x.ini", home=home).wait_ready()
    assert Client(server, HTTP_SOCKET).get("/index").status == 200
    server.wait_line(r"/index => generated 5 bytes in \d+ micros ")


# What is logged


@pytest.mark.parametrize(
    ("option", "logged", "silent"),
    [
        ((), [], ["/index", "/status?line=404+No", "/boom"]),
        (("--log-4xx",), ["/status?line=404+No"], ["/index", "/status?line=503+No"]),
        (("--log-5xx",), ["/status?line=503+No"], ["/index", "/status?line=404+No"]),
        (("--log-big", "5000"), ["/big?size=6000"], ["/big?size=4000"]),
        (("--log-zero",), ["/empty-list"], ["/index"]),
        (("--log-slow", "200"), ["/held?gate=slow"], ["/index"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_logged(serve, option: tuple[str, ...], logged: list[str], silent: list[str]) -> None:
    server: Server = serve("everything:app", "--disable-logging", *option)
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("slow")
    mark = server.mark()
    for target in [*silent, *logged]:
        if target.startswith("/held"):
            timer = threading.Timer(0.5, gate.open)
            timer.start()
        assert client.get(target).status > 0
    assert server.stop() == 0
    for target in logged:
        assert request_lines(server, mark, target), target
    for target in silent:
        lines = [
            line for line in request_lines(server, mark, target) if "Traceback" not in line and "error" not in line
        ]
        assert lines == [], target


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_an_exception_with_its_request_line(serve, door) -> None:
    server: Server = serve("everything:app", doors=ALL_DOORS)
    mark = server.mark()
    assert Client(server, door).get("/boom?who=me").status == 500
    server.wait_line("ValueError: the secret text", after=mark)
    lines = server.lines_since(mark)
    begin = next(n for n, line in enumerate(lines) if "Traceback" in line)
    end = next(n for n, line in enumerate(lines) if "ValueError: the secret text" in line)
    assert any("GET /boom?who=me" in line for line in lines[max(0, begin - 2) : begin + 1])
    assert all(line.startswith(("Traceback", "  ", "    ")) for line in lines[begin:end]), "the block is kept together"


def test_refused_requests_are_logged(serve) -> None:
    server: Server = serve("everything:app")
    mark = server.mark()
    with Client(server, HTTP_SOCKET).connect() as connection:
        connection.send(b"GET /bad HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n")
        assert connection.response().status == 400
    server.wait_line(r"400", after=mark)


# What clients write cannot forge lines


@pytest.mark.parametrize("style", ["readable", "uwsgi", "template"])
def test_log_injection(start, home, style: str) -> None:
    if style == "uwsgi":
        home.write("x.ini", ini(APPS))
        server: Server = start("--ini", "x.ini", home=home)
    else:
        more = ["--log-format", "%(uri) %(uagent) %(referer) %(user) %(host)"] if style == "template" else []
        server = start(
            *("--http-socket", "127.0.0.1:0", "--pythonpath", str(APPS), "--module", "everything:app"), *more, home=home
        )
    server.wait_ready()
    mark = server.mark()
    nasty = "\x1b[31mred\x9b2J"
    request = (
        f'GET /index?a=%0d%0aforged%0a&{chr(0xE9)}&b="quoted" HTTP/1.1\r\nHost: h\r\nUser-Agent: tab\there caf\xe9 \x9b2J\r\n'
        f"Referer: back\\slash\r\nConnection: close\r\n\r\n"
    ).encode("latin-1")
    with Client(server, HTTP_SOCKET).connect() as connection:
        connection.send(request)
        connection.to_end()
    assert Client(server, HTTP_SOCKET).get("/index?after").status == 200
    server.wait_line(r"/index\?after", after=mark)
    text = "\n".join(server.lines_since(mark))
    assert nasty not in text
    assert "\x1b" not in text and "\x9b" not in text and "\t" not in text
    assert not any(line.startswith("forged") for line in text.splitlines())


# Logging never hurts


def test_a_log_that_nobody_reads_blocks_nobody(launcher) -> None:
    """stderr is a full pipe; requests go on, and when it is read again it says that lines were dropped."""
    reading, writing = os.pipe()
    server: Server = launcher.start(
        *("--http-socket", "127.0.0.1:0", "--pythonpath", str(APPS), "--module", "workers:app", "--processes", "1"),
        stderr=writing,
    )
    os.close(writing)
    said = b""
    while b"ready:" not in said:
        piece = os.read(reading, 65536)
        assert piece, said
        said += piece
    address = next(a for a in map(Address.from_line, said.decode().splitlines()) if a)
    load = Load(address, 8, lambda c, n: f"/echo/{c}/{n}?{'x' * 4000}" if n < 2000 else "").start()
    answers = load.join(60)
    assert len(answers) == 16_000
    assert all(answer.status == 200 for answer in answers)

    collected: list[bytes] = []

    def drain() -> None:
        while piece := os.read(reading, 1 << 20):
            collected.append(piece)

    reader = threading.Thread(target=drain)
    reader.start()
    server.stopped = True
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    reader.join(10)
    os.close(reading)
    text = b"".join(collected).decode()
    assert "dropped" in text
    assert "drained:" in text


def test_a_full_disk_breaks_nothing(launcher, home) -> None:
    """All that the server says goes to a device without room; the socket file tells where it serves."""
    server: Server = launcher.start(
        *("--socket", "a.sock", "--pythonpath", str(APPS), "--module", "workers:app", "--logto", "/dev/full"), home=home
    )
    path = home / "a.sock"
    wait_until(path.exists, "the socket")
    address = Address("socket", socket.AF_UNIX, str(path))
    packet = uwsgi.packet(uwsgi.variables("GET", "/echo", [("Host", "h")]))
    for _ in range(50):
        with Connection(address) as connection:
            connection.send(packet)
            assert connection.to_end().endswith(b"\r\n\r\n/echo")
    server.stopped = True
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_logto(launcher, home) -> None:
    log = home / "server.log"
    server: Server = launcher.start(
        *("--http-socket", "127.0.0.1:0", "--pythonpath", str(APPS), "--module", "everything:app", "--logto", str(log)),
        home=home,
    )
    wait_until(lambda: log.exists() and "ready:" in log.read_text(), "the ready line in the file")
    address = next(a for a in map(Address.from_line, log.read_text().splitlines()) if a)
    load = Load(address, 2, lambda c, n: f"/errors?{c}-{n}-" if n < 20 else "").start()
    assert all(answer.status == 200 for answer in load.join())
    server.stopped = True
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    text = log.read_text(errors="replace")
    assert all(f"/errors?{c}-{n}-" in text for c in range(2) for n in range(20))
    assert "printed to stderr" in text
    assert "drained:" in text


def test_what_the_app_prints_is_not_mixed_up(serve) -> None:
    """Whole lines stay whole although two workers and the server write at once."""
    server: Server = serve("everything:app", processes=2)
    client = Client(server, HTTP_SOCKET)
    load = Load(client.address, 8, lambda c, n: "/errors" if n < 50 else "").start()
    assert all(answer.status == 200 for answer in load.join())
    assert server.stop() == 0
    allowed = re.compile(
        r"^(line a|line b|printed to stderr|printed to stdout|errors stream says .*|.*GET /errors.*|)$"
    )
    begin = next(n for n, line in enumerate(server.log.lines) if "ready:" in line) + 1
    end = next(n for n, line in enumerate(server.log.lines) if line.startswith("stopping") or "drained" in line)
    odd = [line for line in server.log.lines[begin:end] if not allowed.match(line)]
    assert odd == []
