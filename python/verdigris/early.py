"""Who imported a module before any code of ours ran: a .pth file, `sitecustomize`, or what those import."""

from __future__ import annotations

import os
import sys

_MOST_LINKS = 5
_IMPORTTIME = "import time:"


def shown(links: list[str]) -> str:
    """A chain of imports; the middle of a long one is left out."""
    if len(links) > _MOST_LINKS:
        links = [*links[:2], "…", *links[2 - _MOST_LINKS :]]
    return " → ".join(links)


def at_start(names: list[str]) -> dict[str, str]:
    """How modules came in before any code of ours ran: another interpreter starts in the same way and tells.

    That it is started by `posix_spawn` is on purpose: `subprocess` is one of the modules in question. For the same
    reason this is to be called before gevent patches anything.
    """
    try:
        lines = _importtime_lines()
    except OSError:  # it only tells; where no other interpreter can be started, nothing is told
        return {}
    return {name: origin for name in names if (origin := _origin(lines, name))}


def _importtime_lines() -> list[tuple[int, str]]:
    """What `python -X importtime` says: depth and name of each module; a module stands below what it imported."""
    read, write = os.pipe()
    options = ["-S"] if sys.flags.no_site else []
    arguments = [sys.executable, *options, "-X", "importtime", "-c", ""]
    actions = [(os.POSIX_SPAWN_DUP2, write, 2), (os.POSIX_SPAWN_CLOSE, read)]
    pid = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=actions)
    os.close(write)
    with open(read, encoding="utf-8", errors="replace") as output:
        told = [line for line in output if line.startswith(_IMPORTTIME)]
    os.waitpid(pid, 0)
    names = [line.rpartition("|")[2].rstrip("\n")[1:] for line in told]
    return [((len(name) - len(name.lstrip(" "))) // 2, name.strip()) for name in names]


def _origin(lines: list[tuple[int, str]], name: str) -> str:
    """The chain above a module, such as `sitecustomize → requests → ssl`, or the .pth file that began it."""
    places = [index for index, (_, module) in enumerate(lines) if module == name]
    if not places:
        return ""
    depth, _ = lines[places[0]]
    links = [name]
    for other_depth, other in lines[places[0] + 1 :]:
        if other_depth < depth:
            depth = other_depth
            if other != "site":
                links.append(other)
    links.reverse()
    if links[0] in ("sitecustomize", "usercustomize"):
        return shown(links)
    return " → ".join([part for part in (_path_file(links[0]), shown(links)) if part])


def _path_file(module: str) -> str:
    """The .pth file that imports a module, if one does."""
    for directory in sys.path:
        try:
            files = sorted(name for name in os.listdir(directory) if name.endswith(".pth"))
        except OSError:
            continue
        for file in files:
            path = os.path.join(directory, file)
            try:
                with open(path, encoding="utf-8", errors="replace") as lines:
                    code = [line for line in lines if line.startswith(("import ", "import\t"))]
            except OSError:
                continue
            if any(module in line for line in code):
                return path
    return ""
