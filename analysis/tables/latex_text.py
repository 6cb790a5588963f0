"""Text as every LaTeX engine sets it, pdflatex without further packages included."""

import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    # Long paths and names may break after an underscore or a slash.
    "_": r"\_\allowbreak{}",
    "/": r"/\allowbreak{}",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\`{}",
    # Between hyphens that are no dash.
    "\N{WORD JOINER}": "{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "∞": r"$\infty$",
    "²": r"$^2$",
    "³": r"$^3$",
    "°": r"$^\circ$",
    "·": r"$\cdot$",
    "µ": r"$\mu$",
    "√": r"$\surd$",
}
# Greek letters that LaTeX names as Unicode does; the other capitals look as Latin ones, and omicron too.
_GREEK = (
    *("alpha", "beta", "gamma", "delta", "zeta", "eta", "theta", "iota", "kappa", "mu", "nu", "xi", "pi", "rho"),
    *("sigma", "tau", "upsilon", "chi", "psi", "omega"),
)
_GREEK_CAPITALS = ("Gamma", "Delta", "Theta", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega")
_GREEK_NAMES = {
    **{unicodedata.lookup(f"GREEK SMALL LETTER {name.upper()}"): rf"$\{name}$" for name in _GREEK},
    **{unicodedata.lookup(f"GREEK CAPITAL LETTER {name.upper()}"): rf"$\{name}$" for name in _GREEK_CAPITALS},
    "λ": r"$\lambda$",
    "Λ": r"$\Lambda$",
    "ε": r"$\epsilon$",
    "φ": r"$\varphi$",
}
# Letters of Latin alphabets that the fonts of plain LaTeX lack, as they are spelt without them.
_LATIN = {
    "Ð": "D",
    "ð": "d",
    "Þ": "Th",
    "þ": "th",
    "Đ": "D",
    "đ": "d",
    "Ħ": "H",
    "ħ": "h",
    "ĸ": "k",
    "Ŋ": "N",
    "ŋ": "n",
    "Ŧ": "T",
    "ŧ": "t",
    "Ŀ": "L",
    "ŀ": "l",
    "ŉ": "'n",
    "ſ": "s",
    "ª": "a",
    "º": "o",
    **dict(zip("ĄąĘęĮįŲų", "AaEeIiUu", strict=True)),
}
_KNOWN = {**_SPECIAL, **_GREEK_NAMES, **_LATIN}
_LAST_LATIN = 0x180
_RAISED = {"<super>": "^", "<sub>": "_"}


def latex_text(text: str) -> str:
    """Escape text for any LaTeX engine, in one line; a symbol that it lacks becomes its code point.

    Two hyphens in a row stay two, as in a flag. Marks of writing direction, which are not seen, are left out.
    """
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(map(_character, composed.replace("--", "-\N{WORD JOINER}-").replace("--", "-\N{WORD JOINER}-")))


def latex_prose(text: str) -> str:
    """Escape text, and set what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return latex_text(text)
    return "".join(
        rf"\texttt{{{latex_text(part)}}}" if number % 2 else _spaced(part) for number, part in enumerate(parts)
    )


def _spaced(text: str) -> str:
    """Escape text, and keep a space at its ends."""
    return " " * text[:1].isspace() + latex_text(text) + " " * text[-1:].isspace() * bool(text.strip())


def _character(character: str) -> str:
    if character in _KNOWN:
        return _KNOWN[character]
    if character.isascii() and character.isprintable():
        return character
    if character.isalpha() and ord(character) < _LAST_LATIN:
        return character
    if unicodedata.category(character) in ("Cf", "Cc"):
        return ""
    return _decomposed(character) or f"{{[}}U+{ord(character):04X}{{]}}"


def _decomposed(character: str) -> str:
    """Spell a character by what it is composed of, as ½, ⁵ and ℃ are; "" if it is of nothing that LaTeX has."""
    kind = unicodedata.decomposition(character).partition(" ")[0]
    parts = unicodedata.normalize("NFKD", character).replace("\N{FRACTION SLASH}", "/")
    if kind in _RAISED and (plain := parts.replace("−", "-")).isascii() and plain.isprintable():
        return f"${_RAISED[kind]}{{{''.join(_KNOWN.get(c, c) for c in plain)}}}$"
    spelt = [c for c in parts if not unicodedata.combining(c)]
    if not all(c in _KNOWN or (c.isascii() and c.isprintable()) for c in spelt):
        return ""
    return "".join(_KNOWN.get(c, c) for c in spelt)
