"""Database drivers and other C libraries under gevent: those that can be made to cooperate are, when they are imported.

psycopg2 waits inside libpq unless it is given a function to wait with; grpc has a loop of its own that gevent must be
told of. The others are named at the start.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from time import monotonic

BLOCKING = {
    "MySQLdb": "mysqlclient blocks while it waits for the server: use PyMySQL",
    "_mysql_connector": "mysql.connector's C extension blocks: connect with use_pure=True, or use PyMySQL",
    "psycopg2": "psycopg2 blocks, since it has no wait callback: psycopg2.extensions.set_wait_callback sets one",
    "psycopg": "psycopg blocks, since it was imported before gevent patched `select`, or is older than 3.1.14",
    "oracledb": "oracledb's thick mode blocks: use its thin mode",
    "cx_Oracle": "cx_Oracle blocks while it waits: use oracledb in its thin mode",
    "pyodbc": "pyodbc blocks while it waits: call it through gevent.get_hub().threadpool",
    "pymssql": "pymssql blocks while it waits: use python-tds, or gevent.get_hub().threadpool",
    "ibm_db": "ibm_db blocks while it waits: call it through gevent.get_hub().threadpool",
    "pylibmc": "pylibmc blocks while it waits: use pymemcache",
    "confluent_kafka": "confluent_kafka blocks while it waits: use kafka-python, or gevent.get_hub().threadpool",
    "pycurl": "pycurl blocks while it waits: use requests or urllib3",
    "zmq": "pyzmq blocks while it waits: use zmq.green",
    "_ldap": "python-ldap blocks while it waits: use ldap3",
    "aerospike": "aerospike blocks while it waits: call it through gevent.get_hub().threadpool",
}
"""Modules that stop all requests of a worker while one waits, and what to do about it."""

COOPERATING = {
    "psycopg2": "psycopg2 waits through gevent (except COPY and large objects)",
    "psycopg": "psycopg waits through the patched `select`",
    "oracledb": "oracledb is in its thin mode, and waits through patched sockets",
    "grpc": "grpc was told of gevent (init_gevent)",
    "zmq": "pyzmq is used as zmq.green",
}
"""Modules that could block and do not, and why."""


def blocking() -> list[str]:
    """What is to be said about the drivers that the app has imported."""
    return [f"{text} (it stops all requests of a worker)" for text in blocking_modules().values()]


def blocking_modules() -> dict[str, str]:
    """The imported modules that block, and what to do about each."""
    return {name: text for name, text in BLOCKING.items() if _is_imported(name) and not _cooperates(name)}


def cooperating_modules() -> dict[str, str]:
    """The imported modules that would block if nothing had been done about them."""
    return {name: text for name, text in COOPERATING.items() if _is_imported(name) and _cooperates(name)}


def _is_imported(name: str) -> bool:
    """Whether it is there: None stands for a module that must not be imported."""
    return sys.modules.get(name) is not None


def _cooperates(name: str) -> bool:
    """Whether a module that may block was made not to. A module that cannot be asked is taken at its worst."""
    asks = _COOPERATES.get(name)
    try:
        return asks is not None and bool(asks(sys.modules[name]))
    except (AttributeError, ImportError):
        return False


def _psycopg_waits_in_python(module) -> bool:
    """psycopg looks once, at its import, whether `select` is patched; then it does not wait in C."""
    from psycopg import waiting

    wait = waiting.wait
    return getattr(wait, "__module__", "") == "psycopg.waiting"


_COOPERATES = {
    "psycopg2": lambda module: module.extensions.get_wait_callback() is not None,
    "psycopg": _psycopg_waits_in_python,
    "oracledb": lambda module: module.is_thin_mode(),
    "grpc": lambda module: _mended_grpc,
    "zmq": lambda module: _is_imported("zmq.green"),
}


def mend_when_imported() -> None:
    """Mend what can be mended, now or when the app imports it."""
    for name, mend in _MENDERS.items():
        if name in sys.modules:
            mend()
    sys.meta_path.insert(0, _Watcher())


class _Watcher:
    """An importer that finds nothing by itself: it has modules mended when they have been executed."""

    def find_spec(self, name: str, path=None, target=None):
        """Called for every import; answers for the modules that need mending."""
        mend = _MENDERS.get(name)
        if mend is None:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, mend)
        return spec


class _Loader:
    """A loader that mends the module after the real one has executed it."""

    def __init__(self, loader, mend) -> None:
        self._loader = loader
        self._mend = mend

    def __getattr__(self, name: str):
        return getattr(self._loader, name)

    def create_module(self, spec):
        """As the real loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module) -> None:
        """As the real loader does; then the module is mended."""
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._mend()


def _mend_psycopg2() -> None:
    from psycopg2 import extensions

    extensions.set_wait_callback(wait_for_postgres)


def wait_for_postgres(connection, timeout=None) -> None:
    """Wait until libpq has what it waits for, and let the other greenlets run meanwhile."""
    from gevent.socket import wait_read, wait_write
    from psycopg2 import OperationalError, extensions

    late = OperationalError("timeout expired")
    if timeout is None and connection.status == extensions.STATUS_SETUP:
        # While it connects this way, libpq leaves the time to us.
        timeout = _connect_timeout(connection.dsn)
    until = None if timeout is None else monotonic() + timeout
    while True:
        state = connection.poll()
        timeout = None if until is None else max(until - monotonic(), 0)
        if state == extensions.POLL_OK:
            return
        if state == extensions.POLL_READ:
            wait_read(connection.fileno(), timeout=timeout, timeout_exc=late)
        elif state == extensions.POLL_WRITE:
            wait_write(connection.fileno(), timeout=timeout, timeout_exc=late)
        else:
            raise OperationalError(f"psycopg2 wants something unknown: {state!r}")


def _connect_timeout(dsn: str) -> float | None:
    """The `connect_timeout` of a connection string or of the environment; libpq knows nothing between 0 and 2 s."""
    import os

    from psycopg2 import extensions

    given = extensions.parse_dsn(dsn).get("connect_timeout") or os.environ.get("PGCONNECT_TIMEOUT")
    try:
        seconds = int(given or 0)
    except ValueError:
        return None
    return max(seconds, 2) if seconds > 0 else None


def _mend_grpc() -> None:
    global _mended_grpc
    from grpc.experimental import gevent as grpc_gevent

    grpc_gevent.init_gevent()
    _mended_grpc = True


_mended_grpc = False
_MENDERS = {"psycopg2": _mend_psycopg2, "grpc": _mend_grpc}
