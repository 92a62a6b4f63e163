"""uWSGI's configuration language: whatever a real uWSGI makes of a file, Verdigris makes of it too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from harness.real_uwsgi import clean_environment, listing_of_uwsgi, listing_of_verdigris, uwsgi_command

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
    "references-ahead": "env = A=%(base)\nenv = %(base)/app\nbase = %(root)/srv\nroot = /r%(tail)\ntail = x\n"
    "env = x%(%(name))\nname = tail\nenv = x%(no%(tail)\nenv = %(tail)%(tail)%(nope)%(tail)\nenv = B=$(TWO)\n"
    "env = $(TWO)$(TWO)\nenv = C=@(next)\nenv = x$(HOME$(TWO)\nenv = x%(a%%b)\n",
    "arithmetic-of-nothing": "env = A=%(2 * nope)\nenv = B=%(nope + nope)\nenv = C=%(nope ++)\nenv = D=%(nope nope)\n"
    "env = E=%(7)\nenv = F=%(7 )\nenv = G=%(++ 7)\nenv = H=%(+ +)\nenv = I=%(10 - nope)\n",
    "blanks": "\t env  =  A = b  \t\nenv=B\n   env   \nenv = C;d#e\n; comment\n # comment\n",
    "odd-sections": "[ uwsgi ]\nenv = NO=1\n[uwsgi]\nenv = A=1\n[uwsgi]]\nenv = NO=2\n[uwsgi\nenv = NO=3\n[uwsgi]\nenv = B=1\n",
    "percent": "env = A=%%(x)\nenv = B=%%%%\nenv = C=%(x\nenv = D=100%%\nx = 1\nenv = E=%(x)%(x) %(y) %(x)\n",
    "condition-values": "if-env = HOME\nenv = H=%(_)\nendif =\nif-env = HOME=/nowhere\nenv = NO=1\nendif =\n"
    "if-not-env = NO_SUCH_ONE\nenv = N=%(_)\nendif =\nif-env = NO_SUCH_ONE\nenv = NO=2\nendfor =\nenv = AFTER=1\n",
    "loops": "for = a  b\nenv = X%(_)=%(_)%(_)\nenv = Y\nendfor =\nfor-times = 2\nenv = T=%(_)\nendfor =\n"
    "for = one\nenv = Z=%(_)\nend =\nfor =\nenv = NO=1\nendfor =\n",
    "unending-block": "if-env = HOME\nenv = A=1\nenv = B=1\n",
    "blocks-and-includes": "if-not-opt = module\ninclude = part.ini\nendif =\nfor = a b\ninclude = part.ini\nenv = X=%(_)\n"
    "endfor =\nfor-glob = pa*.ini\ninclude = %(_)\nenv = Y=%(_)\nendfor =\ninclude = open.ini\nenv = Z=%(_)\n",
    "inherits": "inherit = %(kin)ily.ini\nkin = fam\ninherit = part.ini\nenv = A=1\n",
    "globs": "".join(
        f"for-glob = {pattern}\nenv = [%(_)]\nendfor =\n"
        for pattern in ("*", "*/", "sub", "su*//", "sub/*/", "no*", "no/*", "{a,b}", "sub//*", "sub/\\*", "./w*", "", "/")
    ),
    "other-values": "if-not-env = HOME=/other\nenv = A=%(_)\nendif =\nbase = b\nif-not-opt = base=a\nenv = B=%(_)\nendif =\n"
    "if-not-opt = nope=b\nenv = C=%(_)\nendif =\n",
    "numbers-of-turns": "".join(
        f"for-times = {number}\nenv = %(_)\nendfor =\n" for number in ("3x", "2 ; c", "-1", "x", "", "0x3", "1.9", "+2")
    ),
    "blanks-in-set": "set-ph = base = /srv\nenv = A=%(base)\nset-ph = two= x\nenv = B=%(two)\nset = processes = 4\nset = x=\n",
    "ends-of-files": "env = A=@(windows)|\nenv = B=@(fd://0)@(-)|\nfor-readline = windows\nenv = [%(_)]\nendfor =\n",
    "components": "env = %0/%1/%8\nenv = %c %n %e %s\nenv = %v %k %h %j\nenv = %u %g %U %G\nenv = %[[0m\n",
    "line-numbers-do-not-matter": "\n\n\r\nenv = A=1\r\nenv = B=2 \r\n\n",
    "bytes": "env = ÄÖ=ü\nenv = E=é%%é\n",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_features_one_by_one(command: str, tmp_path: Path, name: str) -> None:
    """One small file per feature, on both servers."""
    (tmp_path / "word").write_text("  one \n\n")
    (tmp_path / "next").write_text("[@(word)]\n")
    (tmp_path / "part.ini").write_text("[uwsgi]\nmodule = app\nenv = I=%(_)\nendif =\nprocesses = 3\n")
    (tmp_path / "family.ini").write_text("[uwsgi]\ninherit = open.ini\nenv = F=1\n")
    (tmp_path / "sub/below").mkdir(parents=True)
    (tmp_path / "sub/*").write_text("")
    (tmp_path / "windows").write_bytes(b"a\r\n\r\n b \r\n")
    (tmp_path / "open.ini").write_text("[uwsgi]\nfor = x y\nenv = O=%(_)\n")
    file = tmp_path / "snippet.ini"
    file.write_bytes(f"[uwsgi]\nhttp-socket = 127.0.0.1:0\n{SNIPPETS[name]}".encode())
    variables = {"HOME": "/home/me", "TWO": "x$(HOME)"}
    assert listing_of_verdigris(command, file, **variables) == listing_of_uwsgi(file, **variables)


PATHS = [
    ("app/deploy", "../a.ini"),
    (".", "current/b.ini"),
    ("current", "b.ini"),
    (".", "./app/./deploy/..//a.ini"),
    (".", "./link.ini"),
    ("app", "../current/link.ini"),
    ("app", ".ini"),
]


@pytest.mark.parametrize(("directory", "name"), PATHS)
def test_files_that_are_reached_by_links_and_dots(command: str, tmp_path: Path, directory: str, name: str) -> None:
    text = "[uwsgi]\nenv = %o %p %s %d %n %e %c %4/%5/%6/%7\nenv = %O %P %S %D %N %E %C\n"
    (tmp_path / "app/deploy").mkdir(parents=True)
    (tmp_path / "releases/7").mkdir(parents=True)
    for file in ("app/a.ini", "releases/7/b.ini", "app/.ini"):
        (tmp_path / file).write_text(text)
    (tmp_path / "current").symlink_to("releases/7")
    (tmp_path / "link.ini").symlink_to("app/a.ini")
    (tmp_path / "releases/7/link.ini").symlink_to("b.ini")
    beside = tmp_path / directory / "x.ini"
    assert listing_of_verdigris(command, beside, typed=name) == listing_of_uwsgi(beside, typed=name)


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


JSON_OF = {
    "flags": ('{"master": true, "lazy": false}', "master = 1\nlazy = 0\n"),
    "numbers": ('{"processes": 4, "harakiri": 30}', "processes = 4\nharakiri = 30\n"),
    "lists": ('{"env": ["A=1", "B=2"], "socket": [":1", ":2"]}', "env = A=1\nenv = B=2\nsocket = :1\nsocket = :2\n"),
    "references": ('{"set-ph": "a=x", "chdir": "/%(a)/%k"}', "set-ph = a=x\nchdir = /%(a)/%k\n"),
    "conditions": (
        '{"if-env": "HOME", "module": "%(_)", "endif": "", "print": "end"}',
        "if-env = HOME\nmodule = %(_)\nendif =\nprint = end\n",
    ),
}


@pytest.mark.parametrize("name", JSON_OF)
def test_json_comes_to_what_uwsgi_makes_of_the_same_ini(command: str, tmp_path: Path, name: str) -> None:
    """The uWSGI of the tests is built without JSON, so it is asked about the ini file that says the same."""
    text, ini = JSON_OF[name]
    as_json, as_ini = tmp_path / "same.json", tmp_path / "same.ini"
    as_json.write_text(f'{{"uwsgi": {text}}}')
    as_ini.write_text(f"[uwsgi]\n{ini}")
    theirs = listing_of_uwsgi(as_ini, HOME="/home/me")
    assert listing_of_verdigris(command, as_ini, HOME="/home/me") == theirs
    assert listing_of_verdigris(command, as_json, HOME="/home/me") == theirs


def test_the_other_side_of_a_condition(command: str, tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(
        "[uwsgi]\nsocket = :1\nmodule = app\nif-env = NO_SUCH_VARIABLE\nprocesses = 2\nelse =\nprocesses = 3\nendif =\n"
        "if-hostname-match = ^.+$\nthreads = 4\nelse =\nthreads = 5\nendif =\n"
        "if-not-hostname-match = .\nharakiri = 1\nelse =\nharakiri = 2\nendif =\n"
    )
    listed = json.loads(run(command, "config", "a.ini", "--json", directory=tmp_path).stdout)["values"]
    values = {value["option"]: value["value"] for value in listed}
    assert (values["processes"], values["threads"], values["harakiri"]) == ("3", "4", "2")
    (tmp_path / "b.ini").write_text("[uwsgi]\nsocket = :1\nmodule = app\nelse =\nif-hostname-match = (\nthreads = 2\n")
    done = run(command, "check", "b.ini", directory=tmp_path)
    assert "b.ini:4: else: there is no condition" in done.stderr
    assert "`(` is not a pattern" in done.stderr


def test_exit_ends_the_start(command: str, tmp_path: Path) -> None:
    """As in uWSGI, which is asked as well."""
    (tmp_path / "a.ini").write_text(
        "[uwsgi]\nif-not-env = NO_SUCH_VARIABLE\nprint = it is missing\nexit = 3\nendif =\nsocket = nowhere/a.sock\n"
    )
    done = run(command, "a.ini", directory=tmp_path)
    assert done.returncode == 3
    assert "it is missing" in done.stderr
    assert run(uwsgi_command(), "--ini", "a.ini", directory=tmp_path).returncode == 3
    (tmp_path / "b.ini").write_text("[uwsgi]\nexit =\n")
    assert run(command, "b.ini", directory=tmp_path).returncode == 0
    assert run(uwsgi_command(), "--ini", "b.ini", directory=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "[uwsgi]\nsocket = :1\nmodule = app\nvaccum = 1\n",
        '{"uwsgi": {"socket": ":1", "module": "app", "vaccum": 1}}',
        "<uwsgi><socket>:1</socket><module>app</module><vaccum>1</vaccum></uwsgi>",
        "# a comment\nuwsgi:\n  socket: :1\n  module: app\n  vaccum: 1\n",
    ],
    ids=["ini", "json", "xml", "yaml"],
)
def test_standard_input(command: str, tmp_path: Path, text: str) -> None:
    """`-` is a file that has no name; what kind it is, is seen from how it begins."""
    for word in ("check", "explain"):
        done = subprocess.run(
            [command, word, "-"],
            cwd=tmp_path,
            env=clean_environment(),
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        assert "did you mean `vacuum`?" in done.stdout + done.stderr
        assert "standard input" in done.stdout + done.stderr
