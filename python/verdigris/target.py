"""The name of an app, `package.module[:callable]`, taken apart without importing anything.

The callable is a name, a dotted name, or a factory's call whose arguments are literals: `app`, `sites.main`,
`create_app()`, `create_app("prd", debug=False)`.
"""

from __future__ import annotations

from verdigris.failure import LoadFailure


class Target:
    """What to take from a module: a path of attributes, and with what to call what is found there."""

    def __init__(self, names: list[str], arguments: tuple[list, dict] | None = None) -> None:
        self.names = names  # ["sites", "main"] for sites.main
        self.arguments = arguments  # None: it is the app itself; else positional and keyword arguments of the factory

    @property
    def dotted(self) -> str:
        """The attributes as one name."""
        return ".".join(self.names)


def split(name: str) -> tuple[str, str]:
    """`module:callable` as its two halves; the second is empty when the callable is not named."""
    module, _, expression = name.partition(":")
    return module.strip(), expression.strip()


def parse_callable(expression: str) -> Target:
    """Read a callable's expression."""
    name, parenthesis, rest = expression.partition("(")
    names = name.strip().split(".")
    if not all(part.isidentifier() for part in names):
        raise _malformed(expression)
    if not parenthesis:
        return Target(names)
    if rest.strip() == ")":
        return Target(names, ([], {}))
    return Target(names, _literal_arguments(expression))


def _literal_arguments(expression: str) -> tuple[list, dict]:
    """The arguments of a factory's call: literals only, since this is configuration and not a program."""
    import ast

    try:
        call = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        raise _malformed(expression) from None
    if (
        not isinstance(call, ast.Call)
        or isinstance(call.func, ast.Call)
        or any(keyword.arg is None for keyword in call.keywords)
    ):
        raise _malformed(expression)
    try:
        positional = [ast.literal_eval(argument) for argument in call.args]
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise LoadFailure(
            "callable not understood",
            f"the arguments in {expression!r} are not all literals",
            hint='a factory is called with literals only, such as create_app("production", debug=False)',
        ) from None
    return positional, named


def _malformed(expression: str) -> LoadFailure:
    return LoadFailure(
        "callable not understood",
        f"{expression!r} is not the name of a callable",
        hint='write module:name, module:name.attribute, module:factory() or module:factory("argument")',
    )
