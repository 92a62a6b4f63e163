"""The environ: RFC 3875, PEP 3333 and uWSGI's variables, through every door."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import uwsgi
from harness.client import Client, Headers
from harness.raw import Response

APP = "environ:app"


def facts(client: Client, method: str = "GET", target: str = "/", headers: Headers = (), **more: Any) -> dict[str, Any]:
    """What the app says about the environ of this request."""
    response = client.request(method, target, headers, **more)
    assert response.status == 200, response.body
    return json.loads(response.body)


def strings(client: Client, target: str = "/", headers: Headers = ()) -> dict[str, str]:
    """The string variables of a GET."""
    return facts(client, "GET", target, headers)["strings"]


def raw(client: Client, request: bytes) -> Response:
    """Send exact bytes, read one answer."""
    with client.connect() as connection:
        connection.send(request)
        return connection.response()


def raw_strings(client: Client, request: bytes) -> dict[str, str]:
    """The string variables of a request given as bytes."""
    response = raw(client, request)
    assert response.status == 200, response.body
    return json.loads(response.body)["strings"]


# What PEP 3333 wants


def test_is_a_plain_dict_of_native_strings(client: Client) -> None:
    found = facts(client, headers=[("X-Name", "v")])
    assert found["exact_dict"]
    assert found["keys_are_str"]
    assert found["latin1"]
    assert all(kind == "str" for key, kind in found["types"].items() if key.upper() == key)


def test_wsgi_variables(client: Client) -> None:
    found = facts(client)
    others = found["others"]
    assert others["wsgi.version"] == "(1, 0)"
    assert others["wsgi.multithread"] == "True"
    assert others["wsgi.multiprocess"] == "False"
    assert others["wsgi.run_once"] == "False"
    assert others["wsgi.input_terminated"] == "True"
    assert found["strings"]["wsgi.url_scheme"] == "http"
    assert found["file_wrapper_callable"]
    assert found["errors_methods"] == ["write", "writelines", "flush"]


def test_uwsgi_variables_are_bytes(client: Client) -> None:
    types = facts(client)["types"]
    assert types["uwsgi.version"] == "bytes"
    assert types["uwsgi.node"] == "bytes"


def test_multithread_and_multiprocess_tell_the_truth(serve) -> None:
    import harness.client as doors

    server = serve("environ:app", processes=2, threads=1)
    others = facts(Client(server, doors.HTTP_SOCKET))["others"]
    assert others["wsgi.multithread"] == "False"
    assert others["wsgi.multiprocess"] == "True"


def test_nothing_of_a_request_stays_for_the_next(client: Client) -> None:
    first = strings(client, "/first?q=1", [("X-Secret", "s"), ("Cookie", "a=b")])
    assert first["HTTP_X_SECRET"] == "s"
    second = strings(client, "/second")
    assert not {"HTTP_X_SECRET", "HTTP_COOKIE", "mutated"} & set(second)
    assert second["QUERY_STRING"] == ""


# Method, path and query


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "X-CUSTOM"])
def test_method(client: Client, method: str) -> None:
    assert facts(client, method)["strings"]["REQUEST_METHOD"] == method


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a/b", "/a/b", ""),
        ("/a?x=1&y=2", "/a", "x=1&y=2"),
        ("/a?", "/a", ""),
        ("/a?b?c", "/a", "b?c"),
        ("/a%20b", "/a b", ""),
        ("/a%2Fb", "/a/b", ""),
        ("/%C3%A9", "/\xc3\xa9", ""),
        ("/%e2%82%ac?q=%e2%82%ac", "/\xe2\x82\xac", "q=%e2%82%ac"),
        ("/a+b?c+d", "/a+b", "c+d"),
        ("/%25", "/%", ""),
        ("/%3Fno-query", "/?no-query", ""),
        ("//double//slash", "//double//slash", ""),
        ("/a/../b/./c", "/a/../b/./c", ""),
        ("/;p=1;q", "/;p=1;q", ""),
        ("/~user/[x]!$&'()*,:@", "/~user/[x]!$&'()*,:@", ""),
        ("/?http://other/?x", "/", "http://other/?x"),
    ],
)
def test_path_and_query(client: Client, target: str, path: str, query: str) -> None:
    found = strings(client, target)
    assert found["PATH_INFO"] == path
    assert found["QUERY_STRING"] == query
    assert found["REQUEST_URI"] == target
    assert found["SCRIPT_NAME"] == "" if "SCRIPT_NAME" in found else True


@pytest.mark.parametrize("target", ["/%", "/%4", "/%zz", "/a%2"])
def test_broken_escapes_stay_as_they_are(http_client: Client, target: str) -> None:
    found = strings(http_client, target)
    assert found["PATH_INFO"] == target
    assert found["REQUEST_URI"] == target


def test_absolute_form(http_client: Client) -> None:
    found = raw_strings(
        http_client,
        b"GET http://shop.example:81/p%20q?x=1 HTTP/1.1\r\nHost: shop.example:81\r\nConnection: close\r\n\r\n",
    )
    assert (found["PATH_INFO"], found["QUERY_STRING"]) == ("/p q", "x=1")
    assert found["HTTP_HOST"] == "shop.example:81"
    assert found["REQUEST_URI"].endswith("/p%20q?x=1")


def test_host_of_an_absolute_target_wins(http_client: Client) -> None:
    found = raw_strings(
        http_client, b"GET http://right.example/p HTTP/1.1\r\nHost: wrong.example\r\nConnection: close\r\n\r\n"
    )
    assert found["HTTP_HOST"] == "right.example"


def test_absolute_form_without_path(http_client: Client) -> None:
    found = raw_strings(http_client, b"GET http://shop.example HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    assert found["PATH_INFO"] in ("/", "")


def test_asterisk_form(http_client: Client) -> None:
    found = raw_strings(http_client, b"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert found["REQUEST_URI"] == "*"
    assert found["PATH_INFO"] in ("*", "")


def test_http_1_0(http_client: Client) -> None:
    found = raw_strings(http_client, b"GET /old HTTP/1.0\r\n\r\n")
    assert found["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert found["PATH_INFO"] == "/old"
    assert found["SERVER_NAME"]


def test_bytes_above_ascii_in_the_target(http_client: Client) -> None:
    response = raw(http_client, b"GET /caf\xe9?\xff HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    if response.status == 200:
        found = json.loads(response.body)["strings"]
        assert (found["PATH_INFO"], found["QUERY_STRING"]) == ("/caf\xe9", "\xff")
    else:
        assert response.status == 400


# Headers


def test_headers_become_variables(client: Client) -> None:
    found = strings(client, headers=[("X-Some-Thing", "value 1"), ("accept", "text/*;q=0.3, */*"), ("x-a.b!", "odd")])
    assert found["HTTP_X_SOME_THING"] == "value 1"
    assert found["HTTP_ACCEPT"] == "text/*;q=0.3, */*"
    assert found["HTTP_X_A.B!"] == "odd"


def test_content_headers_have_no_prefix(client: Client) -> None:
    found = facts(client, "POST", "/", [("Content-Type", "text/x; charset=é")], body=b"12345")["strings"]
    assert found["CONTENT_TYPE"] == "text/x; charset=é"
    assert found["CONTENT_LENGTH"] == "5"
    assert "HTTP_CONTENT_TYPE" not in found
    assert "HTTP_CONTENT_LENGTH" not in found


def test_no_content_headers(client: Client) -> None:
    found = strings(client)
    assert found.get("CONTENT_TYPE", "") == ""
    assert found.get("CONTENT_LENGTH", "") == ""


def test_values_are_latin_1(client: Client) -> None:
    assert strings(client, headers=[("X-Latin", "café \xff")])["HTTP_X_LATIN"] == "café \xff"


def test_repeated_headers_are_joined(client: Client) -> None:
    found = strings(client, headers=[("X-List", "one"), ("X-Other", "-"), ("x-list", "two"), ("X-LIST", "three")])
    assert found["HTTP_X_LIST"].replace(" ", "") == "one,two,three"


def test_repeated_cookies_are_joined_by_semicolon(client: Client) -> None:
    found = strings(client, headers=[("Cookie", "a=1"), ("Cookie", "b=2; c=3")])
    assert found["HTTP_COOKIE"] == "a=1; b=2; c=3"


def test_blanks_around_values_are_cut(http_client: Client) -> None:
    found = raw_strings(
        http_client,
        b"GET / HTTP/1.1\r\nHost:h\r\nX-A:  \t in  side \t \r\nX-Empty:\r\nX-Blank:   \r\nConnection: close\r\n\r\n",
    )
    assert found["HTTP_HOST"] == "h"
    assert found["HTTP_X_A"] == "in  side"
    assert found["HTTP_X_EMPTY"] == ""
    assert found["HTTP_X_BLANK"] == ""


def test_underscores_cannot_spoof(http_client: Client) -> None:
    found = strings(
        http_client, headers=[("X_Forwarded_For", "6.6.6.6"), ("X-Real-IP", "1.2.3.4"), ("X_Real_IP", "6.6.6.6")]
    )
    assert "HTTP_X_FORWARDED_FOR" not in found
    assert found["HTTP_X_REAL_IP"] == "1.2.3.4"


def test_underscored_length_is_not_a_length(http_client: Client) -> None:
    response = raw(http_client, b"POST / HTTP/1.1\r\nHost: h\r\nContent_Length: 50\r\nConnection: close\r\n\r\n")
    assert response.status == 200
    assert json.loads(response.body)["strings"].get("CONTENT_LENGTH", "") in ("", "0")


def test_a_hundred_headers(client: Client) -> None:
    found = strings(client, headers=[(f"X-Number-{n}", str(n)) for n in range(100)])
    assert all(found[f"HTTP_X_NUMBER_{n}"] == str(n) for n in range(100))


def test_a_head_of_forty_kilobytes(client: Client) -> None:
    value = "v" * 40_000
    assert strings(client, headers=[("X-Big", value)])["HTTP_X_BIG"] == value


# Who asks, and who answers


def test_addresses_of_http_connections(http_client: Client) -> None:
    with http_client.connect() as connection:
        port = connection.socket.getsockname()[1]
        connection.send(b"GET / HTTP/1.1\r\nHost: example.org:99\r\nConnection: close\r\n\r\n")
        found = json.loads(connection.response().body)["strings"]
    assert found["REMOTE_ADDR"] == "127.0.0.1"
    assert found["REMOTE_PORT"] == str(port)
    assert found["SERVER_PORT"] == str(http_client.address.port)
    assert found["SERVER_NAME"]
    assert found["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert found["HTTP_HOST"] == "example.org:99"


def test_uwsgi_variables_come_as_the_web_server_gave_them(uwsgi_client: Client) -> None:
    found = strings(uwsgi_client, "/a?b")
    assert found["REMOTE_ADDR"] == "192.0.2.7"
    assert found["REMOTE_PORT"] == "50123"
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("example.org", "80")
    assert found["DOCUMENT_ROOT"] == "/usr/share/nginx/html"
    assert found["REQUEST_SCHEME"] == "http"


def send_variables(client: Client, *more: tuple[bytes, bytes], scheme: str = "http") -> dict[str, Any]:
    """A uwsgi request with additional variables."""
    variables = uwsgi.variables("GET", "/x", [("Host", "h")], scheme=scheme)
    response = raw(client, uwsgi.packet([*variables, *more]))
    assert response.status == 200
    return json.loads(response.body)["strings"]


def test_https_by_the_web_server(uwsgi_client: Client) -> None:
    found = send_variables(uwsgi_client, scheme="https")
    assert found["HTTPS"] == "on"
    assert found["wsgi.url_scheme"] == "https"


@pytest.mark.parametrize("name", [b"UWSGI_SCHEME", b"HTTP_X_FORWARDED_PROTO"])
def test_https_by_a_variable(uwsgi_client: Client, name: bytes) -> None:
    assert send_variables(uwsgi_client, (name, b"https"))["wsgi.url_scheme"] == "https"


def test_own_variables_and_script_name(uwsgi_client: Client) -> None:
    found = send_variables(uwsgi_client, (b"MY_PARAM", b"caf\xe9"), (b"EMPTY", b""), (b"SCRIPT_NAME", b"/mounted"))
    assert found["MY_PARAM"] == "caf\xe9"
    assert found["EMPTY"] == ""
    assert found["SCRIPT_NAME"] == "/mounted"


def test_a_variable_given_twice_counts_as_the_last(uwsgi_client: Client) -> None:
    assert send_variables(uwsgi_client, (b"TWICE", b"1"), (b"TWICE", b"2"))["TWICE"] == "2"
