"""The package as a whole: one version, and code that the oldest supported Python can read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = sorted((ROOT / "python").rglob("*.py"))


def test_one_version():
    import verdigris

    workspace = (ROOT / "Cargo.toml").read_text()
    assert re.search(r'^version = "(.+)"$', workspace, re.MULTILINE)[1] == verdigris.__version__


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_oldest_python(file):
    ast.parse(file.read_text(), feature_version=(3, 10))


def test_every_package_is_in_the_wheel():
    listed = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    packages = {str(file.parent.relative_to(ROOT / "python")).replace("/", ".") for file in FILES}
    assert set(ast.literal_eval(listed[1])) == packages


def test_control_messages():
    from verdigris.control import MAX_PACKET, decode, encode, shorten

    assert decode(b'{"path": "/\xff"}')["path"] == "/\udcff"
    assert decode(encode({"text": "grün\n"})) == {"text": "grün\n"}
    assert decode(encode({"text": "a\udcffb"})) == {"text": "a?b"}
    long = {"event": "failed", "traceback": "\n" * 200_000 + "end", "message": "m", "looked": ["x"]}
    small = decode(encode(long))
    assert len(encode(long)) <= MAX_PACKET
    assert small["traceback"].endswith("end") and (small["message"], small["looked"]) == ("m", ["x"])
    assert decode(encode({"event": "failed", "near": ["x" * 1000] * 1000})) == {"event": "failed"}
    assert shorten("0123456789", 4) == "0\n[… 6 characters left out …]\n789"


def test_bootstrap_is_for_old_pythons_too():
    """Python 2 has no annotations and no f-strings; what it cannot parse it cannot refuse politely."""
    bootstrap = ast.parse((ROOT / "python/verdigris/__mold__.py").read_bytes().decode("ascii"))
    for node in ast.walk(bootstrap):
        assert not isinstance(node, (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef))
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None and not any(argument.annotation for argument in node.args.args)
