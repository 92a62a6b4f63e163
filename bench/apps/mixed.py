"""Two kinds of requests: fast ones that compute for 1 ms, and slow ones that wait for 100 ms."""

import time

BUSY_SECONDS = 0.001
SLEEP_SECONDS = 0.1
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", "2")]


def application(environ, start_response):
    """`/slow` sleeps as if it waited for a database; everything else uses the processor."""
    if environ["PATH_INFO"] == "/slow":
        time.sleep(SLEEP_SECONDS)
    else:
        end = time.thread_time() + BUSY_SECONDS
        while time.thread_time() < end:
            pass
    start_response("200 OK", HEADERS)
    return [b"ok"]
