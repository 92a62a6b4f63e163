"""Which app a request is for, and what loading several of them says."""

from __future__ import annotations

import pytest
from test_loading import APP, write
from verdigris.loader import App
from verdigris.mounts import Mounted, place


class Answer:
    """Stands in for the exchange that an app gets as `start_response`."""

    number = 0

    def serves(self, number: int) -> None:
        self.number = number

    def __call__(self, status, headers) -> None:
        self.status = status


def mounted(*places: str, **settings) -> Mounted:
    def app_called(name):
        return lambda environ, _start: [name, environ["SCRIPT_NAME"], environ["PATH_INFO"]]

    return Mounted({name: App(app_called(name), name) for name in places}, settings)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api", ["/api", "/api", ""]),
        ("/api/", ["/api", "/api", "/"]),
        ("/apis", ["", "", "/apis"]),
        ("/api/v1/x", ["/api/v1", "/api/v1", "/x"]),
        ("/api//v1", ["/api", "/api", "//v1"]),
        ("", ["", "", ""]),
        ("api", ["", "", "api"]),
    ],
)
def test_the_longest_prefix_at_a_slash(path, expected):
    app = mounted("", "/api", "/api/v1", manage_script_name=True)
    assert app({"SCRIPT_NAME": "", "PATH_INFO": path}, Answer()) == expected


def test_numbers_and_nobody():
    app, answer = mounted("/a", "/b", no_default_app=True), Answer()
    app({"SCRIPT_NAME": "/b", "PATH_INFO": "/"}, answer)
    assert answer.number == 1
    assert app({"SCRIPT_NAME": "", "PATH_INFO": "/"}, answer) == [b"Not Found"]
    assert (answer.number, answer.status) == (-1, "404 Not Found")


def test_places():
    assert [place(mountpoint) for mountpoint in ("/", "", "/a/", "/a", "a")] == ["", "", "/a", "/a", "a"]


def test_names_of_several_apps(load, directory):
    write(directory, web=APP, api=APP)
    answer = load(module="web", mounts=[["/api", "api.py"]])
    assert (answer["event"], answer["app"]) == ("loaded", "web:application, /api=api.py:application")


@pytest.mark.parametrize("value", ["7", '{"": 7}', "{3: application}"])
def test_a_dict_that_is_no_dict_of_apps(load, directory, value):
    write(directory, web=f"{APP}applications = {value}\n")
    answer = load(module="web")
    if value == "7":
        assert answer["app"] == "web:application"
    else:
        assert (answer["event"], answer["what"]) == ("failed", "applications not understood")


def test_a_dict_in_a_file_is_a_variable(load, directory):
    """uWSGI looks for `applications` in a module only, never in a wsgi-file or a mounted file."""
    write(directory, web=f"{APP}def inner(environ, start_response): pass\napplications = {{'/api': inner}}\n")
    assert load(module="web")["app"] == "/api=web:applications['/api']"
    assert load(wsgi_file="web.py")["app"] == "web.py:application"
    assert load(mounts=[["/x", "web.py"]])["app"] == "/x=web.py:application"


def test_a_mount_that_fails(load, directory):
    write(directory, web=APP)
    assert load(module="web", mounts=[["/x", "absent:app"]])["event"] == "failed"
    answer = load(module="web", mounts=[["/x", "absent:app"]], need_app=False)
    assert answer["app"] == "web:application"
    assert answer["warnings"][0].startswith("mount /x is not served")
