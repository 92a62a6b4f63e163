"""uWSGI's configuration language: whatever a real uWSGI makes of a file, Verdigris makes of it too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from harness.real_uwsgi import clean_environment, listing_of_uwsgi, listing_of_verdigris

pytestmark = pytest.mark.once

CORPUS = Path(__file__).parent.parent / "corpus" / "configs"
CONFIGURATIONS = sorted(path.name for path in CORPUS.iterdir() if path.suffix in {".ini", ".yaml", ".xml"})


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """A copy of the corpus, so that nothing can be left behind in it."""
    return Path(shutil.copytree(CORPUS, tmp_path / "configs"))


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_corpus_is_read_as_uwsgi_reads_it(command: str, configs: Path, name: str) -> None:
    """Keys, values, order, magic, references, conditions and loops."""
    file = configs / name
    assert listing_of_verdigris(command, file) == listing_of_uwsgi(file)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_recorded_answers_are_uwsgis(configs: Path, name: str) -> None:
    """`UPDATE_SHOWN=1` writes them anew."""
    listed = [line.replace(f"{configs}/", "/start/") for line in listing_of_uwsgi(configs / name)]
    recorded = CORPUS / f"{name}.shown"
    text = "".join(f"{line}\n" for line in listed)
    if os.environ.get("UPDATE_SHOWN"):
        recorded.write_text(text)
    assert recorded.read_text() == text


# Each is a file of its own; `%d` and its kin make the difference between the two directories.
SNIPPETS = {
    "arithmetic": "workers = 7\nenv = A=%(workers + 3)\nenv = B=%(workers * 2 - 1)\nenv = C=%(workers / 0)\n"
    "env = D=%(workers --)\nenv = E=%(workers workers)\nenv = F=%(x + 1)\nenv = G=%( 10 / 3 )\nenv = H=%(3 - 10)\n",
    "order-of-references": "env = A=$(HOME)\nx = $(HOME)\nenv = B=%(x)\nenv = C=%(later)\nlater = 1\nlater = 2\n",
    "file-references": "env = A=@(word)\nenv = B=[@(exec://printf ' two\\n')]\nenv = C=@(word)@(word)\n",
    "blanks": "\t env  =  A = b  \t\nenv=B\n   env   \nenv = C;d#e\n; comment\n # comment\n",
    "odd-sections": "[ uwsgi ]\nenv = NO=1\n[uwsgi]\nenv = A=1\n[uwsgi]]\nenv = NO=2\n[uwsgi\nenv = NO=3\n[uwsgi]\nenv = B=1\n",
    "percent": "env = A=%%(x)\nenv = B=%%%%\nenv = C=%(x\nenv = D=100%%\nx = 1\nenv = E=%(x)%(x) %(y) %(x)\n",
    "condition-values": "if-env = HOME\nenv = H=%(_)\nendif =\nif-env = HOME=/nowhere\nenv = NO=1\nendif =\n"
    "if-not-env = NO_SUCH_ONE\nenv = N=%(_)\nendif =\nif-env = NO_SUCH_ONE\nenv = NO=2\nendfor =\nenv = AFTER=1\n",
    "loops": "for = a  b\nenv = X%(_)=%(_)%(_)\nenv = Y\nendfor =\nfor-times = 2\nenv = T=%(_)\nendfor =\n"
    "for = one\nenv = Z=%(_)\nend =\nfor =\nenv = NO=1\nendfor =\n",
    "unending-block": "if-env = HOME\nenv = A=1\nenv = B=1\n",
    "components": "env = %0/%1/%8\nenv = %c %n %e %s\nenv = %v %k %h\nenv = %u %g %U %G\nenv = %[[0m\n",
    "line-numbers-do-not-matter": "\n\n\r\nenv = A=1\r\nenv = B=2 \r\n\n",
    "bytes": "env = ÄÖ=ü\nenv = E=é%%é\n",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_features_one_by_one(command: str, tmp_path: Path, name: str) -> None:
    """One small file per feature, on both servers."""
    (tmp_path / "word").write_text("  one \n\n")
    file = tmp_path / "snippet.ini"
    file.write_bytes(f"[uwsgi]\nhttp-socket = 127.0.0.1:0\n{SNIPPETS[name]}".encode())
    assert listing_of_verdigris(command, file, HOME="/home/me") == listing_of_uwsgi(file, HOME="/home/me")


def run(command: str, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """A sub-command that ends by itself."""
    return subprocess.run(
        [command, *arguments],
        cwd=directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_check_tells_every_problem_of_every_file(command: str, tmp_path: Path) -> None:
    (tmp_path / "good.ini").write_text("[uwsgi]\nhttp-socket = :1\nmodule = app\n")
    (tmp_path / "bad.ini").write_text("[uwsgi]\nhttp-socket = :x\nprocesses = many\nprocesses = -1\n")
    done = run(command, "check", "good.ini", "bad.ini", directory=tmp_path)
    assert done.returncode == 1
    assert "good.ini: no problems" in done.stdout
    assert "bad.ini:2" in done.stderr and "bad.ini:4" in done.stderr
    assert run(command, "check", "good.ini", directory=tmp_path).returncode == 0
    listed = json.loads(run(command, "check", "--json", "good.ini", "bad.ini", directory=tmp_path).stdout)
    assert [len(one["problems"]) > 0 for one in listed] == [False, True]


def test_files_that_cannot_be_read(command: str, tmp_path: Path) -> None:
    """A message with the file, an exit code, never a panic."""
    (tmp_path / "binary.ini").write_bytes(bytes(range(256)) * 64)
    (tmp_path / "latin.ini").write_bytes(b"[uwsgi]\nmodule = caf\xe9\n")
    (tmp_path / "round.ini").write_text("[uwsgi]\nini = round.ini\n")
    (tmp_path / "directory.ini").mkdir()
    expected = {
        "binary.ini": "not a text file",
        "latin.ini": "latin.ini:2: this line is not UTF-8",
        "round.ini": "round.ini:2: ini: files include each other without end (round.ini → round.ini)",
        "directory.ini": "it is a directory",
        "none.ini": "there is no such file",
    }
    for name, message in expected.items():
        for command_word in ("check", "explain", "config"):
            done = run(command, command_word, name, directory=tmp_path)
            assert "panicked" not in done.stderr
            if command_word == "check":
                assert done.returncode == 1
                assert message in done.stderr, name


def test_explain_has_a_word_for_every_line(command: str) -> None:
    done = run(command, "explain", "slips.ini", directory=CORPUS)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "did you mean `vacuum`?" in done.stdout
    assert "did you mean `enable-threads`?" in done.stdout
    assert "[verdigris]" in done.stdout
    whole = json.loads(run(command, "explain", "--json", "slips.ini", directory=CORPUS).stdout)
    for line in whole["lines"]:
        if line["text"].strip():
            assert line["options"] and line["options"][0]["sentence"], line


def test_explain_reads_gunicorns_file_and_does_not_run_it(command: str, tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text(
        "open('ran', 'w')\nbind = '0.0.0.0:8000'\nworkers = 4\ntimeout = 60\nworker_clas = 'sync'\n"
    )
    done = run(command, "explain", "gunicorn.conf.py", directory=tmp_path)
    assert done.returncode == 0
    assert "http-socket = 0.0.0.0:8000\nprocesses = 4\nharakiri = 60\n" in done.stdout
    assert "did you mean `worker_class`?" in done.stdout
    assert not (tmp_path / "ran").exists()


def test_config_shows_values_and_where_they_are_from(command: str) -> None:
    done = run(command, "config", "placeholders.ini", "--show", directory=CORPUS)
    assert "module = shop.wsgi" in done.stdout and "# placeholders.ini:" in done.stdout
    values = json.loads(run(command, "config", "placeholders.ini", "--json", directory=CORPUS).stdout)["values"]
    assert {"option": "processes", "value": "3", "where": "placeholders.ini:9", "remark": ""} in values


def test_options_can_be_looked_up(command: str, tmp_path: Path) -> None:
    assert "64 KiB" in run(command, "options", "buffer-size", directory=tmp_path).stdout
    assert "did you mean `vacuum`?" in run(command, "options", "vaccum", directory=tmp_path).stderr
    every = json.loads(run(command, "options", "--json", directory=tmp_path).stdout)
    planned = json.loads(run(command, "options", "--planned", "--json", directory=tmp_path).stdout)
    assert len(every) > 700
    assert {row["verdict"] for row in planned} == {"planned"}


def test_the_native_file_of_explain_starts_as_well(command: str, tmp_path: Path) -> None:
    """What `explain` proposes is a configuration without problems and without warnings."""
    (tmp_path / "a.ini").write_text(
        "[uwsgi]\nhttp-socket = 127.0.0.1:0\nmodule = app:app\nprocesses = 2  ; two\nmaster = 1\nlog-date = %%Y\n"
    )
    whole = json.loads(run(command, "explain", "--json", "a.ini", directory=tmp_path).stdout)
    (tmp_path / "native.ini").write_text(whole["native"])
    done = run(command, "check", "native.ini", directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert whole["native"].count("\n") == 7
