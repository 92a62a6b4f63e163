"""Flask, Django and raw apps under `wsgiref.validate`: no complaint on any door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness.client import Client

APP = "frameworks:app"

APPS = Path(__file__).resolve().parent / "apps"
FRAMEWORKS = ["flask", "django"]
FORM = [("Content-Type", "application/x-www-form-urlencoded")]


@pytest.fixture(autouse=True)
def no_complaint(client: Client):
    """After each test: the validator had nothing to say."""
    known = len(client.server.home.entries())
    yield
    assert [e for e in client.server.home.entries()[known:] if e.startswith("complaint")] == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_raw_methods(client: Client, method: str) -> None:
    response = client.request(method, "/raw/")
    assert response.status == 200
    assert response.body == (b"" if method == "HEAD" else b"raw ")


def test_raw_body(client: Client) -> None:
    """`readline(5)`, the first of `readlines()`; nothing is left for `read(3)` and the iteration."""
    assert client.request("POST", "/raw/", body=b"line one\nline two\nthree").body == b"raw line one\n"


def test_raw_write_and_no_content(client: Client) -> None:
    assert client.get("/raw/write").body == b"written raw "
    assert client.get("/raw/204").status == 204


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_page_with_query_and_url(client: Client, framework: str) -> None:
    response = client.get(f"/{framework}/?q=%C3%A9t%C3%A9", [("Host", "shop.example")])
    assert response.text.startswith(f"{framework} été http://shop.example/{framework}/?q=")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_form(client: Client, framework: str) -> None:
    response = client.request("POST", f"/{framework}/", FORM, b"a=1&b=%C3%A9")
    assert json.loads(response.body)["form"] == {"a": "1", "b": "é"}


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_upload(client: Client, framework: str, size: int) -> None:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\n\r\n' + b"x" * size + b"\r\n--B--\r\n"
    )
    response = client.request("POST", f"/{framework}/", [("Content-Type", "multipart/form-data; boundary=B")], body)
    assert json.loads(response.body) == {"form": {"a": "1"}, "files": {"f": size}}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_stream(client: Client, framework: str) -> None:
    assert client.get(f"/{framework}/stream").text == "".join(f"piece {n}\n" for n in range(5))


@pytest.mark.parametrize(("framework", "name"), [("flask", "frameworks.py"), ("django", "django_urls.py")])
def test_file(client: Client, framework: str, name: str) -> None:
    assert client.get(f"/{framework}/file").body == (APPS / name).read_bytes()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_head_empty_and_missing(client: Client, framework: str) -> None:
    head = client.request("HEAD", f"/{framework}/")
    assert (head.status, head.body) == (200, b"")
    assert client.get(f"/{framework}/empty").status == 204
    assert client.get(f"/{framework}/nowhere").status == 404


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_names_beyond_ascii(client: Client, framework: str) -> None:
    assert client.get(f"/{framework}/caf%C3%A9/%E2%82%AC").text == "café €"
