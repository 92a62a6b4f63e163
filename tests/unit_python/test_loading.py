"""Finding the app: what the settings name is imported as uWSGI does it, and failures say what to do."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest

APP = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""

CLASS_APP = """
class Site:
    def __call__(self, environ, start_response):
        return []
"""


def write(directory: Path, **files: str) -> None:
    """Write files; `__` in a name is a slash: package__module for package/module.py."""
    for name, text in files.items():
        path = directory / f"{name.replace('__', '/').replace('/init', '/__init__')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


# What is found.


@pytest.mark.parametrize(
    ("settings", "app"),
    [
        ({"module": "web"}, "web:application"),
        ({"module": "web:application"}, "web:application"),
        ({"module": "web:site.pages"}, "web:site.pages"),
        ({"module": "web", "callable": "other"}, "web:other"),
        ({"module": "web:make()"}, "web:make"),
        ({"module": 'web:make("prd", debug=True)'}, "web:make"),
        ({"module": "pack.inner"}, "pack.inner:application"),
        ({"wsgi_file": "web.py"}, "web.py:application"),
        ({"wsgi_file": "web.py:other"}, "web.py:other"),
        ({"wsgi_file": "odd-name.wsgi"}, "odd-name.wsgi:application"),
    ],
    ids=str,
)
def test_names(load, directory, settings, app):
    code = f"{APP}{CLASS_APP}other = application\nclass site: pages = Site()\n"
    code += (
        "def make(name='', debug=False):\n    assert (name, debug) in [('', False), ('prd', True)]\n    return Site()\n"
    )
    write(directory, web=code, pack__init="", pack__inner=APP)
    (directory / "odd-name.wsgi").write_text(APP)
    answer = load(**settings)
    assert (answer["event"], answer.get("app")) == ("loaded", app), answer
    assert answer["kind"] == "wsgi"
    assert answer["warnings"] == []
    assert answer["executable"] == sys.executable


def test_app_is_a_default_name_outside_uwsgi_configs(load, directory):
    write(directory, web=CLASS_APP + "app = Site()")
    assert load(module="web")["app"] == "web:app"
    answer = load(module="web", uwsgi_compat=True)
    assert answer["what"] == "callable missing"
    assert answer["near"] == ["web:app"]


SURROUNDINGS = """
import json, os, sys
json.dump(
    {
        "argv": sys.argv,
        "path": sys.path,
        "cwd": os.getcwd(),
        "name": __name__,
        "file": __file__,
        "FLAVOUR": os.environ.get("FLAVOUR"),
        "GONE": os.environ.get("GONE"),
        "VERDIGRIS_CONTROL": os.environ.get("VERDIGRIS_CONTROL"),
        "umask": os.umask(0),
        "main": sorted(vars(sys.modules["__main__"]).keys() & {"__file__", "__cached__"}),
    },
    open("seen.json", "w"),
)
application = print
"""


@pytest.fixture
def surroundings(start, directory):
    """Load an app that writes down what it finds."""

    def surroundings(place: str = ".", env: dict[str, str] | None = None, python: tuple = (), **settings) -> dict:
        mold = start(env=env, python=python)
        mold.load(**settings)
        return json.loads((directory / place / "seen.json").read_text())

    return surroundings


def test_uwsgi_search_path(surroundings, directory):
    write(directory, web=SURROUNDINGS)
    for name in ("one", "two", "glob1", "glob2"):
        (directory / name).mkdir()
    seen = surroundings(module="web", pythonpath=["one", "two", "glob*"], uwsgi_compat=True)
    here = str(directory)
    assert seen["path"][:6] == [f"{here}/glob2", f"{here}/glob1", f"{here}/two", f"{here}/one", here, "."]


def test_nothing_of_verdigris_own_place_is_on_the_path(surroundings, directory, package, load):
    write(directory, web=SURROUNDINGS)
    seen = surroundings(module="web")
    assert not [entry for entry in seen["path"] if entry.startswith(str(package.parent))]
    write(directory, nosy="import stranger")
    assert "No module named 'stranger'" in load(module="nosy")["message"]


def test_safe_path_interpreter(surroundings, directory):
    """PYTHONSAFEPATH keeps the script's directory off the path: nothing else may be removed in its place."""
    write(directory, web=SURROUNDINGS)
    plain = surroundings(module="web")
    safe = surroundings(module="web", env={"PYTHONSAFEPATH": "1"})
    assert plain["path"] == safe["path"]


def test_arguments_variables_directory_mask(surroundings, directory):
    write(directory, shop__web=SURROUNDINGS)
    seen = surroundings(
        "shop",
        env={"GONE": "still here"},
        module="web",
        chdir="shop",
        pyargv="--one two",
        unenv=["GONE"],
        umask="027",
    )
    assert seen["argv"] == ["verdigris", "--one", "two"]
    assert seen["cwd"] == str(directory / "shop")
    assert seen["path"][0] == str(directory / "shop")
    assert (seen["GONE"], seen["VERDIGRIS_CONTROL"]) == (None, None)
    assert seen["umask"] == 0o027
    assert seen["main"] == []


def test_env_setting_and_uwsgi_argv(start, directory):
    write(directory, web=SURROUNDINGS)
    start().load(module="web", env=[["FLAVOUR", "sour"]], uwsgi_compat=True)
    seen = json.loads((directory / "seen.json").read_text())
    assert (seen["FLAVOUR"], seen["argv"]) == ("sour", ["uwsgi"])


def test_chdir2_comes_after_the_import(start, directory):
    write(directory, web=SURROUNDINGS)
    (directory / "later").mkdir()
    mold = start()
    mold.load(module="web", chdir2="later")
    assert json.loads((directory / "seen.json").read_text())["cwd"] == str(directory)
    assert Path(f"/proc/{mold.process.pid}/cwd").resolve() == directory / "later"


def test_wsgi_file_module_name(surroundings, directory):
    write(directory, shop__web=SURROUNDINGS)
    seen = surroundings(wsgi_file="shop/web.py")
    assert seen["name"] == "uwsgi_file_shop_web"
    assert seen["file"] == str(directory / "shop" / "web.py")


def test_wsgi_file_sees_its_neighbours_outside_uwsgi_configs(load, directory):
    write(directory, shop__web=f"import neighbour{APP}", shop__neighbour="")
    assert load(wsgi_file="shop/web.py")["event"] == "loaded"
    answer = load(wsgi_file="shop/web.py", uwsgi_compat=True)
    assert answer["hint"] == "'neighbour' is in shop: add pythonpath = shop"


def test_imports(load, directory):
    write(directory, web="import sys\nassert {'first', 'second', 'uwsgi_file_third'} <= sys.modules.keys()" + APP)
    write(directory, first="import sys\nassert 'second' not in sys.modules", second="", third="")
    extras = {"shared_imports": ["first"], "imports": ["second", "third.py"]}
    assert load(module="web", **extras)["event"] == "loaded"
    extras["imports"].append("absent")
    assert load(module="web", **extras)["what"] == "module not found"
    answer = load(module="web", uwsgi_compat=True, **extras)
    assert answer["event"] == "loaded"
    assert answer["warnings"][0].startswith("import = absent: module not found: no module named")


def test_garbage_collector_choice_of_the_app_stays(start, directory):
    write(
        directory,
        web="import gc\ngc.set_threshold(5000, 20, 20)\ndef application(e, s): return [b'%d' % gc.get_threshold()[0]]",
    )
    write(
        directory,
        usual="import gc\nassert gc.isenabled() and gc.get_threshold()[0] == 0\ndef application(e, s): return [str(gc.get_threshold()[0] > 0 and gc.get_freeze_count() > 1000).encode()]",
    )
    for module, answer in (("web", "5000"), ("usual", "True")):
        mold = start()
        mold.load(module=module)
        worker = mold.fork()
        mold.forked()
        assert worker.answer()["ready"]
        assert worker.ask()["body"] == answer
        worker.leave()


# What is not found.


def failed(answer: dict, what: str) -> dict:
    assert (answer["event"], answer["what"]) == ("failed", what), answer
    assert "verdigris/" not in answer["traceback"]
    assert "importlib" not in answer["traceback"]
    return answer


def test_module_not_found(load, directory):
    write(directory, wep=APP, pack__init="", pack__wsgi="application: object = make()", pack__views="")
    answer = failed(load(module="web"), "module not found")
    assert answer["message"] == 'no module named "web" was found'
    assert answer["looked"][0] == str(directory)
    assert answer["near"] == ["wep:application", "pack.wsgi:application"]
    assert answer["hint"] == "perhaps you meant wep:application"
    assert answer["traceback"] == ""
    answer = failed(load(module="pack.wsgl:application"), "module not found")
    assert answer["message"] == 'the package "pack" has no module "wsgl"'
    assert answer["near"][0] == "pack.wsgi:application"
    answer = failed(load(module="wep.inner"), "module not found")
    assert "'wep' is not a package" in answer["message"]


def test_module_in_a_directory_below(load, directory):
    write(directory, backend__src__shop__init=APP)
    assert failed(load(module="shop"), "module not found")["hint"].startswith("it is in backend/src: add chdir")


def test_module_given_as_a_path(load, directory):
    write(directory, shop__web=APP)
    answer = failed(load(module="shop/web.py"), "module not understood")
    assert answer["hint"] == "use wsgi-file = shop/web.py, or module = shop.web"
    failed(load(module="my-shop"), "module not understood")
    failed(load(), "no app named")


def test_import_inside_fails(load, directory):
    write(directory, web="import os\nimport surely_absent_package")
    answer = failed(load(module="web"), "import failed")
    assert answer["message"] == (
        'module "web" was found, but importing it failed: '
        "ModuleNotFoundError: No module named 'surely_absent_package'"
    )
    assert answer["hint"] == f"install it for this Python: {sys.executable} -m pip install surely_absent_package"
    assert f'File "{directory}/web.py", line 2' in answer["traceback"]


def test_import_inside_that_names_the_module_itself(load, directory):
    """`import web.part` inside web.py names a child of what was asked for: it is not web that is missing."""
    write(directory, web="import web.part")
    assert "No module named 'web.part'" in failed(load(module="web"), "import failed")["message"]


def test_missing_module_of_a_package_that_is_there(load, directory):
    """Such as Django's settings under a wrong name: there is nothing to install."""
    write(directory, web="import shop.setings", shop__init="", shop__settings="")
    assert failed(load(module="web"), "import failed")["hint"] == "perhaps shop.settings is meant"


def test_missing_module_in_the_directory_above(load, directory):
    write(directory, above="", shop__web="import above")
    hint = failed(load(module="web", chdir="shop"), "import failed")["hint"]
    assert hint == "'above' is in ..: add pythonpath = .."


def test_missing_module_with_another_name_in_the_registry(load, directory):
    write(directory, dot="import dotenv")
    assert failed(load(module="dot"), "import failed")["hint"].endswith("-m pip install python-dotenv")


def test_module_goes_before_wsgi_file(load, directory):
    write(directory, web=APP, other=APP)
    assert load(module="web", wsgi_file="other.py")["app"] == "web:application"


def test_errors_of_the_surroundings(load, directory):
    write(directory, web=APP)
    answer = load(module="web", env=[["A=B", "c"]])
    assert (answer["event"], answer["what"]) == ("failed", "loading failed")
    assert "Traceback" in answer["traceback"]


def test_package_of_another_environment(load, directory):
    (directory / ".venv/lib/python3.11/site-packages/surely_absent_package").mkdir(parents=True)
    (directory / ".venv/pyvenv.cfg").write_text("")
    write(directory, web="import surely_absent_package")
    answer = failed(load(module="web"), "import failed")
    assert answer["hint"].endswith(f"use home = {directory}/.venv")


def test_exception_while_importing(load, directory):
    write(directory, web="import helper", helper="def run():\n    raise ValueError('no such thing')\nrun()")
    answer = failed(load(module="web"), "import failed")
    assert "ValueError: no such" in answer["message"]
    assert [line for line in answer["traceback"].splitlines() if "File" in line] == [
        f'  File "{directory}/web.py", line 1, in <module>',
        f'  File "{directory}/helper.py", line 3, in <module>',
        f'  File "{directory}/helper.py", line 2, in run',
    ]


def test_text_that_has_no_utf8_form(load, directory):
    write(directory, web="raise ValueError('left \\udc80 right')")
    assert "left ? right" in failed(load(module="web"), "import failed")["message"]


def test_enormous_traceback(load, directory):
    write(directory, web="raise ValueError('x' * 300_000 + ' the end')")
    answer = failed(load(module="web"), "import failed")
    assert "characters left out" in answer["traceback"]
    assert answer["traceback"].endswith("the end\n")


@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "import sys; sys.exit('bye')", "exit()"])
def test_exit_while_importing(load, directory, statement):
    write(directory, web=statement)
    assert "__main__" in failed(load(module="web"), "exit while importing")["hint"]


def test_syntax_error(load, directory):
    write(directory, web="import broken", broken="x = (\ny = 1\n")
    answer = failed(load(module="web"), "syntax error")
    assert answer["message"].startswith('module "web" cannot be imported: SyntaxError: ')
    assert answer["message"].endswith(f" in {directory}/broken.py, line 1")
    assert failed(load(wsgi_file="broken.py"), "syntax error")["message"].startswith('file "broken.py"')


def test_wsgi_file_not_found(load, directory):
    write(directory, shop__web=APP)
    answer = failed(load(wsgi_file="shop/wep.py"), "file not found")
    assert answer["near"] == ["shop/web.py"]
    assert answer["looked"] == [f"{directory}/shop/wep.py"]


def test_callable_missing(load, directory):
    write(
        directory,
        web=CLASS_APP
        + "import json\nfrom json import dumps\nsite = Site()\nnumber = 1\ndef entry(environ, start): pass\ndef create_app(): pass",
    )
    answer = failed(load(module="web:sight"), "callable missing")
    assert answer["message"] == f'module "web" ({directory}/web.py) has no "sight"'
    assert answer["hint"] == "perhaps you meant web:site"
    assert sorted(answer["near"]) == ["web:create_app()", "web:entry", "web:site"]
    assert failed(load(module="web"), "callable missing")["near"][0] == "web:create_app()"
    assert 'no "x"' in failed(load(module="web:site.x"), "callable missing")["message"]


def test_lazy_objects_are_left_alone(load, directory):
    """Such as Flask's `request`: any attribute of it raises outside of a request."""
    lazy = """
    class Lazy:
        def __call__(self): raise RuntimeError("too early")
        def __getattr__(self, name): raise RuntimeError("too early")
        __class__ = property(lambda self: self.nothing)
    request = Lazy()
    """
    write(directory, web=textwrap.dedent(lazy) + "def entry(environ, start): pass")
    assert failed(load(module="web"), "callable missing")["near"] == ["web:entry"]
    assert load(module="web:request")["event"] == "loaded"


def test_callable_in_a_submodule(load, directory):
    write(directory, shop__init="", shop__wsgi="application = 1")
    assert failed(load(module="shop"), "callable missing")["near"] == ["shop.wsgi:application"]
    (directory / "plain").mkdir()
    assert "without __init__.py" in failed(load(module="plain"), "callable missing")["message"]


def test_not_callable(load, directory):
    write(directory, web="app = 'text'\ndef make(): pass\nimport sub" + APP, sub=APP)
    answer = failed(load(module="web:app"), "not callable")
    assert answer["message"] == '"web:app" is of type str, not a WSGI app'
    assert answer["hint"] == "perhaps you meant web:application"
    answer = failed(load(module="web:make()"), "not callable")
    assert (answer["message"], answer["hint"]) == (
        '"web:make()" returned None, not a WSGI app',
        "does the factory end with `return app`?",
    )
    answer = failed(load(module="web:sub"), "not callable")
    assert (answer["message"], answer["near"][0]) == (
        '"web:sub" is the module "sub", not a WSGI app',
        "sub:application",
    )


def test_factory_fails(load, directory):
    write(directory, web="def make(name):\n    raise ValueError(name)")
    assert "ValueError: prd" in failed(load(module="web:make('prd')"), "factory failed")["message"]
    answer = failed(load(module="web:make()"), "factory failed")
    assert "missing 1 required positional argument" in answer["message"]
    assert answer["hint"].startswith("give it the arguments")


@pytest.mark.parametrize(
    "expression", ["a b", "make(x)", "make(", "make(**{})", "make()()", "1", "a.", "make(open('x'))"]
)
def test_callable_not_understood(load, directory, expression):
    write(directory, web="def make(*args): return print")
    failed(load(module=f"web:{expression}"), "callable not understood")


ASGI = {
    "function": "async def application(scope, receive, send): pass",
    "object": "class A:\n    async def __call__(self, scope, receive, send): pass\napplication = A()",
    "method": "class A:\n    async def run(self, scope, receive, send): pass\napplication = A().run",
    "wrapped": "def application(scope, receive, send): pass",
    "partial": "import functools\nasync def run(x, scope, receive, send): pass\napplication = functools.partial(run, 1)",
}


@pytest.mark.parametrize("code", ASGI.values(), ids=ASGI.keys())
def test_asgi(load, directory, code):
    write(directory, shop__init="", shop__asgi=code, shop__wsgi=APP)
    answer = failed(load(module="shop.asgi"), "ASGI app")
    assert answer["near"] == ["shop.wsgi:application"]


def test_directory_that_is_not_there(load):
    answer = failed(load(module="web", chdir="nowhere"), "directory not usable")
    assert answer["message"] == "chdir: cannot enter 'nowhere': No such file or directory"


def test_without_need_app_a_stand_in_answers(start):
    mold = start()
    loaded = mold.load(module="absent", need_app=False)
    assert 'no module named "absent"' in loaded["warnings"][0]
    worker = mold.fork()
    mold.forked()
    worker.answer()
    assert worker.ask() == {"status": "500 Internal Server Error", "app": -1, "body": "Internal Server Error"}
    worker.leave()


def test_mold_exits_with_22(start):
    mold = start()
    mold.send({"do": "load", "settings": {"module": "absent"}})
    assert mold.receive()["event"] == "failed"
    assert mold.wait() == 22
