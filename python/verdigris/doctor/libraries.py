"""C libraries in the app's process that wait on a network by themselves, out of gevent's sight.

Drivers that Verdigris knows are named by `verdigris.drivers`. This finds the rest: what the kernel has mapped, and
which extension module wanted it.
"""

from __future__ import annotations

import os
import re
import sys

_MAPS = "/proc/self/maps"
_LONGEST_LOOKED_INTO = 64 * 1024 * 1024

WAITING = {
    "libpq": ("PostgreSQL", ("psycopg2", "psycopg")),
    "libmysqlclient": ("MySQL", ("MySQLdb",)),
    "libmariadb": ("MySQL", ("MySQLdb",)),
    "libclntsh": ("Oracle", ("oracledb", "cx_Oracle")),
    "libodbc": ("ODBC", ("pyodbc",)),
    "libsybdb": ("SQL Server", ("pymssql",)),
    "libcurl": ("HTTP", ("pycurl",)),
    "librdkafka": ("Kafka", ("confluent_kafka",)),
    "libmemcached": ("memcached", ("pylibmc",)),
    "libzmq": ("ZeroMQ", ("zmq",)),
    "libcassandra": ("Cassandra", ()),
    "libmongoc": ("MongoDB", ()),
    "librabbitmq": ("RabbitMQ", ()),
    "libhiredis": ("Redis", ()),
    "libldap": ("LDAP", ("_ldap",)),
    "libssh2": ("SSH", ()),
}
"""Libraries that talk to a server: what is at the other end, and the modules that `verdigris.drivers` answers for."""

_NAME = re.compile(r"^(lib[a-z]+2?)(?:[-_.0-9].*)?\.so(?:\.|$)")


def unexplained() -> dict[str, tuple[str, str, list[str]]]:
    """Libraries that no known driver accounts for: file, what they talk to, and the modules that wanted them."""
    present = {library: path for library, path in mapped().items() if library in WAITING}
    found = {}
    for library, path in present.items():
        peer, drivers = WAITING[library]
        if any(sys.modules.get(module) is not None for module in drivers):
            continue
        wanted_by = _wanted_by(library)
        # libpq brings libldap along, for example: then libpq is what is to be told.
        others = [other for name, other in present.items() if name != library]
        if wanted_by or not any(_holds(other, _naming(library)) for other in others):
            found[library] = (path, peer, wanted_by)
    return found


def undecided() -> dict[str, str]:
    """Imported modules that block or do not, depending on how they are used."""
    found = {}
    if sys.modules.get("sqlite3") is not None:
        found["sqlite3"] = "sqlite3 does not yield, and a long query stops all requests of a worker"
    if sys.modules.get("mysql.connector") is not None and "_mysql_connector" not in sys.modules:
        from importlib.util import find_spec

        if find_spec("_mysql_connector") is not None:
            found["mysql.connector"] = (
                "mysql.connector blocks in its C extension, which is its default: connect with use_pure=True"
            )
    return found


def mapped() -> dict[str, str]:
    """The shared libraries in this process by their plain name; those inside wheels carry a hash in theirs."""
    found = {}
    try:
        with open(_MAPS, encoding="utf-8", errors="replace") as lines:
            paths = {line.split(maxsplit=5)[-1].rstrip("\n") for line in lines if ".so" in line}
    except OSError:
        return {}
    for path in sorted(paths):
        match = _NAME.match(os.path.basename(path))
        if match:
            found.setdefault(match[1], path)
    return found


def _wanted_by(library: str) -> list[str]:
    """The extension modules in whose file the library's name stands."""
    pattern = _naming(library)
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".so") and _holds(file, pattern):
            found.append(name)
    return sorted(found)


def _naming(library: str) -> re.Pattern[bytes]:
    """The name of a library as it stands in the files that want it."""
    return re.compile(re.escape(library.encode()) + rb"(?:[-_.0-9][^\0]*)?\.so")


def _holds(file: str, pattern: re.Pattern[bytes]) -> bool:
    try:
        if os.path.getsize(file) > _LONGEST_LOOKED_INTO:
            return False
        with open(file, "rb") as content:
            return pattern.search(content.read()) is not None
    except OSError:
        return False
