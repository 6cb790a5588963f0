"""What a script reads from its command line with `argparse`, as the parameters of a training function.

Nothing is imported: what the source does not spell out is not found.
"""

import ast
from collections.abc import Iterator

_TYPES = ("int", "float", "str")
_SWITCHES = {"store_true": "False", "store_false": "True"}
# What the trial has, under these names or as `trial.total`.
_OF_TRIAL = frozenset({"seed", "split_seed", "epochs", "num_epochs", "max_epochs", "device", "threads"})


def parameters_of_options(text: str) -> tuple[str, ...]:
    """Return the options of a module's parsers as parameters: `lr: float = 0.1`; those that the trial has left out.

    Args:
        text: of the module.
    """
    found = {name: written for call in _calls(text) for name, written in _parameter(call)}
    return tuple(written for name, written in found.items() if name not in _OF_TRIAL)


def _calls(text: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            yield node


def _parameter(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of the parameter that takes an option's place, if one can."""
    told = {keyword.arg: keyword.value for keyword in call.keywords}
    flags = [flag.value for flag in call.args if isinstance(flag, ast.Constant) and isinstance(flag.value, str)]
    name = _name(flags, told.get("dest"))
    if not name.isidentifier():
        return
    action = ast.literal_eval(told["action"]) if isinstance(told.get("action"), ast.Constant) else ""
    if action in _SWITCHES:
        yield name, f"{name}: bool = {_SWITCHES[action]}"
        return
    default = f" = {ast.unparse(told['default'])}" if "default" in told else ""
    yield name, f"{name}{_annotation(told.get('choices'), told.get('type'), told.get('default'))}{default}"


def _name(flags: list[str], dest: ast.expr | None) -> str:
    """The name under which `argparse` keeps an option: of its first long flag, or its first."""
    if isinstance(dest, ast.Constant):
        return str(dest.value)
    long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "")
    return long.lstrip("-").replace("-", "_")


def _annotation(choices: ast.expr | None, kind: ast.expr | None, default: ast.expr | None) -> str:
    if isinstance(choices, ast.List | ast.Tuple):
        return f": Literal[{', '.join(map(ast.unparse, choices.elts))}]"
    if isinstance(kind, ast.Name) and kind.id in _TYPES:
        return f": {kind.id}"
    # Without a type, an option is text.
    return ": str" if kind is None and isinstance(default, ast.Constant) and isinstance(default.value, str) else ""
