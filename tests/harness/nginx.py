"""A real nginx with a configuration of its own, in front of the server under test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from .address import Address
from .raw import Connection
from .waiting import wait_until

_CONFIG = """
{user}
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log info;
daemon off;
events {{ worker_connections 512; }}
http {{
    access_log {home}/access.log;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    uwsgi_temp_path {home}/uwsgi;
    fastcgi_temp_path {home}/fastcgi;
    scgi_temp_path {home}/scgi;
    client_max_body_size 0;
    keepalive_requests 100000;
    {upstreams}
    server {{
        listen 127.0.0.1:{port};
        server_name shop.example;
        {locations}
    }}
    {sites}
}}
"""

_SITE = """
    server {{
        listen 127.0.0.1:{port};
        server_name {name};
        {locations}
    }}
"""

_UWSGI_PARAMS = """
    uwsgi_param QUERY_STRING $query_string;
    uwsgi_param REQUEST_METHOD $request_method;
    uwsgi_param CONTENT_TYPE $content_type;
    uwsgi_param CONTENT_LENGTH $content_length;
    uwsgi_param REQUEST_URI $request_uri;
    uwsgi_param PATH_INFO $document_uri;
    uwsgi_param DOCUMENT_ROOT $document_root;
    uwsgi_param SERVER_PROTOCOL $server_protocol;
    uwsgi_param REQUEST_SCHEME $scheme;
    uwsgi_param HTTPS $https if_not_empty;
    uwsgi_param REMOTE_ADDR $remote_addr;
    uwsgi_param REMOTE_PORT $remote_port;
    uwsgi_param SERVER_PORT $server_port;
    uwsgi_param SERVER_NAME $server_name;
"""


def command() -> str | None:
    """The nginx of this machine, or None."""
    return shutil.which("nginx") or next((p for p in ("/usr/sbin/nginx", "/sbin/nginx") if os.access(p, os.X_OK)), None)


def upstream_target(address: Address) -> str:
    """The address as nginx wants it."""
    if isinstance(address.target, str):
        return f"unix:{address.target}"
    return f"{address.target[0]}:{address.target[1]}"


def uwsgi_location(path: str, address: Address, *more: str) -> str:
    """A location that speaks uwsgi with the server."""
    target = upstream_target(address)
    return f"location {path} {{ {_UWSGI_PARAMS} uwsgi_pass {target}; uwsgi_read_timeout 30; {' '.join(more)} }}"


def proxy_location(path: str, upstream: str, *more: str) -> str:
    """A location that speaks HTTP/1.1 with kept connections to the upstream of this name."""
    fields = (
        'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; '
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;"
    )
    return f"location {path} {{ proxy_pass http://{upstream}; {fields} proxy_read_timeout 30; {' '.join(more)} }}"


def upstream(name: str, address: Address, kept: int = 8) -> str:
    """An upstream with kept connections."""
    return f"upstream {name} {{ server {upstream_target(address)}; keepalive {kept}; }}"


class Nginx:
    """A running nginx; its listening socket is bound here and handed over, so no port is guessed."""

    def __init__(
        self,
        locations: list[str],
        upstreams: list[str] | None = None,
        sites: dict[str, list[str]] | None = None,
    ) -> None:
        """`locations` are those of the default site; `sites` has further ones, by their names."""
        executable = command()
        assert executable is not None, "nginx is not installed"
        self.home = Path(tempfile.mkdtemp(prefix="vd-nginx-"))
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]
        config = self.home / "nginx.conf"
        config.write_text(
            _CONFIG.format(
                user="user root;" if os.geteuid() == 0 else "",
                home=self.home,
                port=self.port,
                upstreams="\n    ".join(upstreams or []),
                locations="\n        ".join(locations),
                sites="".join(
                    _SITE.format(name=name, port=self.port, locations="\n        ".join(its_locations))
                    for name, its_locations in (sites or {}).items()
                ),
            )
        )
        descriptor = self.socket.fileno()
        self.process = subprocess.Popen(
            [executable, "-p", str(self.home), "-c", str(config), "-e", str(self.home / "error.log")],
            env={**os.environ, "NGINX": f"{descriptor};"},
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(lambda: self._serves() or self.process.poll() is not None, "nginx starts")
        assert self.process.poll() is None, f"nginx has ended:\n{self.errors()}"

    def _serves(self) -> bool:
        return (self.home / "nginx.pid").exists() and "start worker process" in self.errors()

    def errors(self) -> str:
        """Its error log."""
        log = self.home / "error.log"
        return log.read_text(errors="replace") if log.exists() else ""

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address("nginx", socket.AF_INET, ("127.0.0.1", self.port))

    def connect(self, timeout: float = 20) -> Connection:
        """A connection to it."""
        return Connection(self.address, timeout)

    def stop(self) -> None:
        """End it and remove its directory."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.socket.close()
        shutil.rmtree(self.home, ignore_errors=True)
