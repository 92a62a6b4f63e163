"""Configurations nobody should write: always an answer, soon, with a place and a hint, and never a panic."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest
from harness.real_uwsgi import clean_environment

COMMANDS = ("check", "explain", "config", "")

# What stands in the file, and what is said about it.
TEXTS: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.ini", b"", "no section [uwsgi]"),
    "nul-bytes": ("a.ini", b"[uwsgi]\nmodule = a\0b\n", "not a text file"),
    "image": ("a.ini", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file"),
    "latin": ("a.ini", b"[uwsgi]\nmodule = caf\xe9\n", "a.ini:2: this line is not UTF-8"),
    "latin-yaml": ("a.yaml", b"uwsgi:\n  module: caf\xe9\n", "a.yaml:2: this line is not UTF-8"),
    "huge-number": ("a.ini", b"[uwsgi]\nprocesses = 99999999999999999999\n", "a.ini:2: processes"),
    "negative": ("a.ini", b"[uwsgi]\nlisten = -5\n", "a.ini:2: listen"),
    "no-address": ("a.ini", b"[uwsgi]\nhttp-socket = localhost:http\n", "a.ini:2: http-socket"),
    "circle": ("a.ini", b"[uwsgi]\nini = a.ini\n", "a.ini:2: ini: files include each other"),
    "missing-section": ("a.ini", b"[web]\nmodule = a\n", "no section [uwsgi]"),
    "doubling": (
        "a.ini",
        b"[uwsgi]\nk0 = x\n" + b"".join(b"k%d = %%(k%d)%%(k%d)\n" % (n, n - 1, n - 1) for n in range(1, 64)),
        "MiB of text",
    ),
    "turns": ("a.ini", b"[uwsgi]\nfor-times = 99999\n" + b"env = A=%(_)\n" * 9, "100000 options"),
    "endless-loop": ("a.ini", b"[uwsgi]\nfor-times = 4000000000\nenv = A\n", "a.ini:3: `4000000000`"),
    "laughs": (
        "a.xml",
        b'<!DOCTYPE u [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n<uwsgi>\n<module>&b;</module></uwsgi>',
        "a.xml:3",
    ),
    "outside": (
        "a.xml",
        b'<!DOCTYPE u [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<uwsgi>\n<module>&a;</module></uwsgi>',
        "a.xml:3",
    ),
    "open-tag": ("a.xml", b"<uwsgi>\n<module>a", "a.xml:2"),
    "deep-json": ("a.json", b'{"uwsgi": {"a": ' + b"[" * 100_000, "a.json:1"),
    "broken-json": ("a.json", b'{"uwsgi": {\n"a": 1,\n}}', "a.json:3"),
    "anchors": ("a.yaml", b"uwsgi:\n  a: &a [x]\n  b: [*a, *a]\n  <<: *a\n", "a.yaml:4"),
    "broken-toml": ("a.toml", b"[uwsgi]\na = [1,\n", "a.toml:"),
    "deep-toml": ("a.toml", b"[uwsgi]\na = " + b"[" * 10_000, "a.toml:"),
}


def run(command: str, word: str, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself, and soon."""
    done = subprocess.run(
        [command, *filter(None, [word]), *arguments],
        cwd=directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert "panicked" not in done.stderr and done.returncode in {0, 1, 2}, done.stderr[-2000:]
    return done


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_answers(command: str, tmp_path: Path, name: str) -> None:
    file, text, said = TEXTS[name]
    (tmp_path / file).write_bytes(text)
    for word in COMMANDS:
        done = run(command, word, file, directory=tmp_path)
        whole = done.stdout + done.stderr
        assert len(whole) < 3_000_000
        if word == "check":
            assert said in whole
            assert done.returncode != 0
            assert "hint:" in whole
        if word == "":
            assert done.returncode != 0


def test_what_cannot_be_read(command: str, tmp_path: Path) -> None:
    (tmp_path / "directory.ini").mkdir()
    (tmp_path / "loop.ini").symlink_to("loop.ini")
    (tmp_path / "big.ini").write_bytes(b"[uwsgi]\n" + b"# comment\n" * (2 << 20))
    (tmp_path / "itself.ini").write_text("[uwsgi]\nini = other-name.ini\nini = third-name.ini\n")
    for name in ("other-name.ini", "third-name.ini"):
        (tmp_path / name).symlink_to("itself.ini")
    expected = {
        "directory.ini": "it is a directory",
        "loop.ini": "symbolic links",
        "big.ini": "larger than 16 MiB",
        "itself.ini": "include",
        "/dev/zero": "it is a device",
        "none.ini": "there is no such file",
    }
    for name, said in expected.items():
        arguments = ["--ini", name] if name.startswith("/") else [name]
        done = run(command, "check", *arguments, directory=tmp_path)
        assert done.returncode == 1
        assert said in done.stderr, name
        assert "hint:" in done.stderr


def test_unreadable_files(command: str, tmp_path: Path) -> None:
    # A file that not even root may read.
    done = run(command, "check", "--ini", "/proc/sys/vm/compact_memory", directory=tmp_path)
    assert "permission denied" in done.stderr


def test_a_pipe_is_read_like_a_file(command: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.ini"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("[uwsgi]\nhttp-socket = :1\nmodule = app\n",))
    writer.start()
    done = run(command, "check", "pipe.ini", directory=tmp_path)
    writer.join()
    assert "no problems" in done.stdout


def test_a_pipe_without_a_writer_is_given_up(command: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ini")
    done = run(command, "check", "pipe.ini", directory=tmp_path)
    assert "it is a pipe or device, and nothing came" in done.stderr


def test_commands_that_fail_print_too_much_or_hang(command: str, tmp_path: Path) -> None:
    file = tmp_path / "a.ini"
    rest = "http-socket = :1\nmodule = app\n"
    file.write_text(f"[uwsgi]\nenv = A=[@(exec://exit 3)]\n{rest}")
    assert "env = A=[]" in run(command, "config", "a.ini", directory=tmp_path).stdout
    file.write_text(f"[uwsgi]\nenv = A=@(exec://yes)\n{rest}")
    done = run(command, "check", "a.ini", directory=tmp_path)
    assert "a.ini:2" in done.stderr and "printed more than 16 MiB" in done.stderr
    file.write_text("[uwsgi]\n" + "env = A=@(exec://echo $$ >>pids; exec sleep 1000)\n" * 5 + rest)
    done = run(command, "check", "a.ini", directory=tmp_path)
    assert "a.ini:2" in done.stderr and "did not end within" in done.stderr
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 1 and not Path(f"/proc/{pids[0]}").exists()


def test_what_a_file_says_does_not_steer_the_terminal(command: str, tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_bytes(b"[uwsgi]\nmodule = a\x1b]0;owned\x07\nvacuu\x1bm = 1\nprocesses = %[x\n")
    for word in ("check", "explain", "config"):
        done = run(command, word, "a.ini", directory=tmp_path)
        shown = done.stdout.split("as short as it gets")[0] + done.stderr
        assert "\x1b" not in shown, shown
