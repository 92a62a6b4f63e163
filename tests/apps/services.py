"""Waits on real servers through pure-Python clients; where they are is in the environment."""

import os
import ssl
import threading
import time

import control
import pymongo
import pymysql
import redis
import requests
import urllib3
from urllib3.util.ssl_ import create_urllib3_context

app = control.Router()
PLACE = os.environ.get("PLACE", "")  # the socket's directory, or the port
AUTHORITY = os.environ.get("AUTHORITY", "")


@app.add
def mysql(environ, start_response):
    """Let MariaDB sleep."""
    connection = pymysql.connect(unix_socket=f"{PLACE}/socket", user="tester")
    with connection, connection.cursor() as cursor:
        with control.together("mysql"):
            cursor.execute("SELECT SLEEP(%s)", [float(control.query(environ)["seconds"])])
        return control.plain(start_response, str(cursor.fetchone()[0]))


@app.add
def queue(environ, start_response):
    """Wait at Redis for something that never comes."""
    client = redis.Redis(unix_socket_path=f"{PLACE}/socket")
    with control.together("queue"):
        found = client.blpop("never", timeout=float(control.query(environ)["seconds"]))
    client.close()
    return control.plain(start_response, str(found))


@app.add
def https(environ, start_response):
    """Ask a slow TLS server, by ?with = requests or urllib3."""
    url = f"https://localhost:{PLACE}/"
    if control.query(environ)["with"] == "requests":
        with control.together("https"):
            content = requests.get(url, verify=AUTHORITY, timeout=30).content
        return control.plain(start_response, content)
    context = create_urllib3_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(AUTHORITY)
    with urllib3.PoolManager(ssl_context=context) as pool, control.together("https"):
        return control.plain(start_response, pool.request("GET", url, timeout=30).data)


class Context(ssl.SSLContext):
    """As clients of clouds make one of their own."""


@app.add
def contexts(_environ, start_response):
    """What recurses for ever when `ssl` was imported before it was patched."""
    for context in (create_urllib3_context(), ssl.create_default_context(), Context(ssl.PROTOCOL_TLS_CLIENT)):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_3
        context.options |= ssl.OP_NO_COMPRESSION
        context.verify_mode = ssl.CERT_REQUIRED
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    return control.plain(start_response, type(context).__mro__[1].__module__)


@app.add
def mongo(_environ, start_response):
    """A client whose threads look for a server that is not there, and go on looking when this is answered."""
    client = pymongo.MongoClient(f"mongodb://127.0.0.1:{PLACE}/", serverSelectionTimeoutMS=500)
    try:
        with control.together("mongo"):
            client.admin.command("ping")
    except pymongo.errors.ServerSelectionTimeoutError:
        names = [thread.name for thread in threading.enumerate() if "pymongo" in thread.name]
        return control.plain(start_response, f"not found, {len(names) > 0}")


@app.add
def sleep(environ, start_response):
    """The answer is how many system threads the process has."""
    with control.together("sleep"):
        time.sleep(float(control.query(environ)["seconds"]))
    return control.plain(start_response, f"{len(os.listdir('/proc/self/task'))}")
