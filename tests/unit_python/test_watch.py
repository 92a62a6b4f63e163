"""Noticing changed code."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from verdigris.watch import Watcher


def test_a_changed_file_is_seen_once(tmp_path, monkeypatch):
    file = tmp_path / "code.py"
    file.write_text("")
    module = ModuleType("watched_code")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "watched_code", module)
    watcher = Watcher()
    assert watcher.look() == ""
    os.utime(file, ns=(1, 1))
    assert watcher.look() == str(file)
    assert watcher.look() == ""
    file.unlink()
    assert watcher.look() == "", "an editor may be replacing it"
    file.write_text("")
    assert watcher.look() == str(file)


def test_modules_without_files_are_no_trouble(monkeypatch):
    for name, value in (("nothing", None), ("strange", 7), ("odd", ModuleType("odd"))):
        monkeypatch.setitem(sys.modules, f"watched_{name}", value)
    sys.modules["watched_odd"].__file__ = None
    assert Watcher().look() == ""
