"""How the templates of a report are read, whatever they are filled into."""

from pathlib import Path
from typing import Any

import jinja2

_FOLDER = Path(__file__).resolve().parent / "templates"


def template_environment(**options: Any) -> jinja2.Environment:
    """Make an environment for the templates, in which a name that nobody gave is an error.

    Args:
        options: further ones of `jinja2.Environment`.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
