"""Counts, durations, sizes and signs in words: the same on a terminal and in a report."""

_MINUS = "−"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Say how many: "1 trial", "3 trials", "1,200 trials"; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def duration(seconds: float) -> str:
    """Say how long: "42 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"


def file_size(size_bytes: float) -> str:
    """Say how large, in powers of 1,000: "812 B", "14 kB", "3.2 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 999.5:
            return f"{size_bytes:.2g} {unit}" if 0 < size_bytes < 9.95 and unit != "B" else f"{size_bytes:.0f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:,.1f} TB"


def signed(value: float, decimals: int) -> str:
    """Write a difference with its sign: "+1.20", "−0.35", and "0.00" where it rounds to nothing."""
    text = f"{value:+,.{decimals}f}"
    return text.replace("-", _MINUS) if text.strip("+-0.,") else text.lstrip("+-")


def printable(text: str) -> str:
    """Replace what is no visible character by blanks: names may hold codes that change a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
