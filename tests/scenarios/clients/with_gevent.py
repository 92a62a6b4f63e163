"""So many requests at once by greenlets and requests: `with_gevent.py URL COUNT`."""

from gevent import monkey

monkey.patch_all()

import sys

import gevent
import requests


def ask(url):
    answer = requests.post(url, json={"a": "1", "b": "2", "c": 200}, timeout=60)
    assert answer.json()["code"] == 200
    return answer.status_code


url, count = sys.argv[1], int(sys.argv[2])
jobs = [gevent.spawn(ask, url) for _ in range(count)]
gevent.joinall(jobs, raise_error=True)
statuses = [job.value for job in jobs]
assert set(statuses) == {200}, set(statuses)
print(f"{len(statuses)} × 200")
