"""A start with uWSGI files of the shape that well-known projects have: each serves its app, and what belongs to a
feature that is not active yet is accepted with one line."""

from __future__ import annotations

import getpass
import grp
import json
import os
import re
import subprocess

import pytest
from harness import uwsgi
from harness.address import Address
from harness.client import encode_http
from harness.raw import Connection, Response
from harness.server import Home, Server
from harness.waiting import wait_until
from harness.shapes import SHAPES, Shape


def said(server: Server) -> str:
    """Everything that the server has said, wherever its configuration sends it."""
    files = sorted(server.home.path.rglob("*.log"))
    return "\n".join([server.log.text, *(file.read_text(errors="replace") for file in files)])


def begin(start, home: Home, shape: Shape, **variables: str) -> Server:
    """Start the project and wait until it serves."""
    for name, text in shape.files.items():
        home.write(name, text)
    for script in home.path.rglob("manage.py"):
        script.chmod(0o755)
    config = home.write("uwsgi.ini", shape.ini)
    server = start(*given(shape), str(config), home=home, environment={**shape.variables, **variables})

    def serves_or_ended() -> bool:
        return "ready: " in said(server) or server.process.poll() is not None

    wait_until(serves_or_ended, "ready or ended", 40)
    assert server.process.poll() is None, said(server)
    return server


def given(shape: Shape) -> list[str]:
    """The options of the command line; whoever runs the tests stands for the image's user."""
    names = {"%U": getpass.getuser(), "%G": grp.getgrgid(os.getgid()).gr_name}
    return [re.sub("%[UG]", lambda found: names[found[0]], option) for option in shape.options]


def address(server: Server) -> Address:
    """Where it listens."""
    found = (Address.from_line(line) for line in said(server).splitlines())
    return next(address for address in found if address is not None)


def get(server: Server, path: str) -> Response:
    """Ask for a page, in the protocol that the first door speaks."""
    where = address(server)
    with Connection(where, 20) as connection:
        if where.option.startswith("http"):
            connection.send(encode_http("GET", path))
        else:
            connection.send(uwsgi.packet(uwsgi.variables("GET", path, [("Host", "example.org")])))
        return connection.response("GET")


def verdict(command: str, option: str) -> str:
    """How an option relates to uWSGI's."""
    done = subprocess.run([command, "options", option, "--json"], capture_output=True, text=True, check=True)
    [row] = json.loads(done.stdout)
    return row["verdict"]


@pytest.mark.parametrize("name", SHAPES)
def test_the_app_is_served(start, home, name: str) -> None:
    shape = SHAPES[name]
    server = begin(start, home, shape)
    response = get(server, "/")
    assert (response.status, response.body.decode()) == (200, shape.answer)


@pytest.mark.parametrize("name", SHAPES)
def test_every_line_is_understood(command: str, home, name: str) -> None:
    """`check` finds no problem and no slip, and each option that is planned gets one line."""
    shape = SHAPES[name]
    config = home.write("uwsgi.ini", shape.ini)
    environment = {**os.environ, **shape.variables}
    done = subprocess.run(
        [command, "check", "--json", *given(shape), "--ini", str(config)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=home.path,
    )
    [checked] = json.loads(done.stdout)
    assert checked["problems"] == []
    texts = [notice["what"] for notice in checked["notices"]]
    assert not [text for text in texts if "is no option" in text]
    keys = dict.fromkeys(re.findall(r"^([a-z][\w-]*)", shape.ini, re.MULTILINE))
    keys |= dict.fromkeys(re.findall(r"--([a-z-]+)", " ".join(shape.options)))
    planned = {key for key in keys if verdict(command, key) == "planned"}
    waiting = [text.partition(":")[0] for text in texts if "accepted; not active yet" in text]
    assert set(waiting) <= planned
    assert len(waiting) == len(set(waiting))


def test_what_the_server_serves_itself(start, home, command: str) -> None:
    """Static files come from the server, or from the app while that is planned; never from nowhere."""
    shape = SHAPES["courses"]
    server = begin(start, home, shape)
    path, content = shape.static or ("", "")
    response = get(server, path)
    if verdict(command, "static-map") == "planned":
        assert response.status == 404 and b"Not Found" in response.body
    else:
        assert (response.status, response.body.decode()) == (200, content)


def test_conditions_choose_the_door(start, home) -> None:
    server = begin(start, home, SHAPES["monitor"], USE_IPV6="1", UWSGI_PROCESSES="1")
    assert address(server).target[0] == "::1"
    assert "ready: 1 worker" in said(server)
    assert get(server, "/").status == 200
