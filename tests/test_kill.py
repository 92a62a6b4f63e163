"""Workers that are killed or crash: who loses an answer, who does not, and that they come back."""

from __future__ import annotations

import os
import signal

import pytest
from harness.client import ALL_DOORS, DOORS, HTTP_SOCKET, Client
from harness.holding import hold, holders, imports, release, wait_held
from harness.launch import engine_options
from harness.load import Load
from harness.processes import open_files
from harness.raw import Malformed
from harness.server import Server
from harness.waiting import wait_until


def workers_at_work(server: Server, client: Client, count: int, gate_name: str) -> list[int]:
    """Prove that `count` workers serve: as many requests run at once in different processes."""
    pids = pids_at_work(server, client, count, gate_name)
    assert len(pids) == count
    return pids


def pids_at_work(server: Server, client: Client, places: int, gate_name: str) -> list[int]:
    """The processes in which that many requests run at once."""
    gate = server.home.gate(gate_name)
    running = hold(client, gate_name, places)
    pids = sorted({pid for pid, _ in wait_held(server, gate_name, places)})
    release(gate, running)
    return pids


def kill(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, signal.SIGKILL)


def test_only_the_request_that_ran_in_it_fails(serve) -> None:
    """Four workers, two of them hold a request, the others work; one of the two is killed."""
    server: Server = serve("workers:app", processes=4)
    client = Client(server, HTTP_SOCKET)
    victim_gate, other_gate = server.home.gate("victim"), server.home.gate("other")
    victim = hold(client, "victim", 1)[0]
    victim_pid = wait_held(server, "victim", 1)[0][0]
    other = hold(client, "other", 1)
    wait_held(server, "other", 1)
    load = Load(client.address, 16, lambda c, n: f"/echo/{c}/{n}").start()
    wait_until(lambda: load.count > 300, "a running load")

    mark = server.mark()
    kill(victim_pid)
    assert victim.response().status == 502
    server.wait_line(r"/held\?gate=victim", after=mark)
    reached = load.count
    wait_until(lambda: load.count > reached + 500, "the load goes on")
    answers = load.stop()
    assert [a for a in answers if a.status != 200] == []
    release(other_gate, other)
    assert victim_pid not in workers_at_work(server, client, 4, "after")
    victim_gate.close()


def test_killed_under_load(serve) -> None:
    """Whatever the worker was doing, at most the request inside it is lost, as a 502 in the log."""
    server: Server = serve("workers:app", processes=4)
    client = Client(server, HTTP_SOCKET)
    first = workers_at_work(server, client, 4, "before")
    mark = server.mark()
    load = Load(client.address, 16, lambda c, n: f"/sleep/{c}/{n}?ms=2").start()
    for victim in first:
        reached = load.count
        wait_until(lambda reached=reached: load.count > reached + 200, "a running load")
        kill(victim)
    reached = load.count
    wait_until(lambda: load.count > reached + 500, "the load goes on")
    answers = load.stop()
    lost = [answer for answer in answers if answer.status != 200]
    assert len(lost) <= 4
    assert all(answer.status == 502 for answer in lost), lost
    for answer in lost:
        server.wait_line(answer.target.split("?")[0], after=mark)
    assert not set(first) & set(workers_at_work(server, client, 4, "after"))


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_502_on_every_door(serve, door) -> None:
    server: Server = serve("workers:app", doors=ALL_DOORS)
    client = Client(server, door)
    gate = server.home.gate("victim")
    victim = hold(client, "victim", 1)[0]
    kill(wait_held(server, "victim", 1)[0][0])
    assert victim.response().status == 502
    assert client.get("/echo").status == 200
    gate.close()


def test_an_answer_under_way_is_cut_and_never_looks_whole(serve) -> None:
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("part")
    with client.begin("GET", "/stream?gate=part") as exchange:
        assert exchange.body.exactly(3) == b"one"
        kill(holders(server, "part")[0][0])
        with pytest.raises(Malformed):
            exchange.body.rest()
    assert client.get("/echo").status == 200
    gate.close()


def test_requests_wait_while_all_workers_restart(serve) -> None:
    server: Server = serve("workers:app", processes=2)
    client = Client(server, HTTP_SOCKET)
    for victim in workers_at_work(server, client, 2, "before"):
        kill(victim)
    assert client.get("/echo/at-once").text == "/echo/at-once"


def test_waiting_requests_survive_the_worker_in_front_of_them(serve) -> None:
    """One worker, one place: the queue behind the killed request is served by its successor."""
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("front")
    front = hold(client, "front", 1)[0]
    pid = wait_held(server, "front", 1)[0][0]
    queue = [client.begin("GET", f"/echo/{n}") for n in range(20)]
    kill(pid)
    assert front.response().status == 502
    assert [exchange.response().text for exchange in queue] == [f"/echo/{n}" for n in range(20)]
    gate.close()


def test_an_upload_into_a_killed_worker_is_answered(serve) -> None:
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    with client.begin("POST", "/upload", body=b"x" * 100_000, length=10_000_000) as exchange:
        wait_until(lambda: any(e.startswith("upload ") for e in server.home.entries()), "the upload runs")
        kill(int(next(e for e in server.home.entries() if e.startswith("upload ")).split()[1]))
        assert exchange.head.status == 502
    assert client.get("/echo").status == 200


@pytest.mark.parametrize("path", ["/leave?code=3", "/leave?code=0", "/crash"])
def test_apps_that_end_their_process(serve, path: str) -> None:
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    mark = server.mark()
    assert client.get(path).status == 502
    assert client.get("/echo").status == 200
    told = {"/leave?code=3": r"\b3\b", "/leave?code=0": r"(?i)worker 1", "/crash": r"(?i)sigsegv|signal 11"}[path]
    server.wait_line(told, after=mark)


def test_many_deaths_leak_nothing(serve) -> None:
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    for _ in range(2):
        assert client.get("/leave?code=1").status == 502
        assert client.get("/echo").status == 200
    before = len(open_files(server.pid))
    mold = imports(server)[0]
    mold_before = len(open_files(mold))
    for _ in range(6):
        assert client.get("/leave?code=1").status == 502
        assert client.get("/echo").status == 200
    wait_until(lambda: len(open_files(server.pid)) <= before + 1, "no descriptor is left in the server")
    assert len(open_files(mold)) <= mold_before + 1
    assert len(server.family()) == 3


def test_the_service_survives_its_mold(serve) -> None:
    """The mold is what workers are forked from; a new one takes its place."""
    server: Server = serve("workers:app", processes=2)
    client = Client(server, HTTP_SOCKET)
    first = imports(server)[0]
    kill(first)
    wait_until(lambda: len(imports(server)) == 2, "a new mold")
    wait_until(lambda: client.get("/echo").status == 200, "an answer after the mold's death")
    wait_until(lambda: len(server.family()) == 4, "server, mold and two workers")
    for victim in workers_at_work(server, client, 2, "after-mold"):
        kill(victim)
    assert client.get("/echo").status == 200
    assert len(imports(server)) == 2


def test_workers_outlive_their_mold(serve) -> None:
    """Nobody notices that the mold is gone: the same workers go on, whatever they do, and end with the server."""
    server: Server = serve("workers:app", processes=2, threads=2)
    client = Client(server, HTTP_SOCKET)
    pids = pids_at_work(server, client, 4, "before")
    first = imports(server)[0]
    computing = client.begin("GET", "/busy?seconds=3")
    load = Load(client.address, 8, lambda c, n: f"/sleep/{c}/{n}?ms=2").start()
    wait_until(lambda: load.count > 200, "a running load")
    kill(first)
    server.wait_line(r"the mold died: killed by signal 9 .*; workers that live go on, another is started")
    wait_until(lambda: len(imports(server)) == 2, "a new mold")
    reached = load.count
    wait_until(lambda: load.count > reached + 500, "the load goes on")
    assert [answer for answer in load.stop() if answer.status != 200] == []
    assert computing.response().status == 200
    assert pids_at_work(server, client, 4, "after") == pids

    stuck = [client.begin("GET", "/stuck") for _ in range(2)]
    wait_until(lambda: sum(e.startswith("stuck ") for e in server.home.entries()) == 2, "both are in C code")
    server.stopped = True
    server.send_signal(signal.SIGKILL)
    server.wait_exit(5)
    server.wait_alone(2)
    for exchange in stuck:
        exchange.connection.close()


def test_workers_that_cannot_start_do_not_spin(start, home) -> None:
    """Each worker dies at once: the start fails, or is tried with pauses; never hundreds of times."""
    from harness.server import APPS

    home.write("dies.py", "import os, control\ncontrol.note('tried')\nos._exit(9)\n")
    server: Server = start(
        *("--http-socket", "127.0.0.1:0", "--pythonpath", str(APPS), "--module", "dies:app", "--lazy-apps"), home=home
    )
    code = server.wait_exit(30)
    assert code != 0
    assert home.entries().count("tried") < 20
    server.stopped = True
    server.wait_alone(2)


SLOW_BIRTHS = """
import os, time
if os.path.exists("slow"):
    os.register_at_fork(after_in_parent=lambda: time.sleep(30))
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
"""


def test_a_worker_whose_mold_dies_at_its_birth_leaves(start, home) -> None:
    """The mold has forked it, and is killed before it can tell which process that is."""
    home.write("web.py", SLOW_BIRTHS)
    arguments = ("--http-socket", "127.0.0.1:0", "--module", "web", "--processes", "2", *engine_options(1))
    server = start(*arguments, home=home).wait_ready()
    old = {entry.pid for entry in server.family()}
    home.write("slow", "")
    server.send_signal(signal.SIGHUP)

    def newborn() -> int | None:
        fresh = [entry for entry in server.family() if entry.pid not in old]
        parents = {entry.parent for entry in fresh} & {entry.pid for entry in fresh}
        return parents.pop() if parents else None

    kill(wait_until(newborn, "a worker that was just forked"))
    server.wait_line("the reload failed")
    wait_until(lambda: {entry.pid for entry in server.family()} == old, "nothing is left of it")
    assert int(Client(server, HTTP_SOCKET).get("/").text) in old
