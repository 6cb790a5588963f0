"""What all figures share: colours, dashes, text that matplotlib takes literally."""

from typing import Any

# Okabe and Ito's palette for the colour-blind, without its yellow, which white swallows; black is the default's.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DEFAULT_COLOUR = "#000000"


DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))


def plain(text: str) -> str:
    """Return text that matplotlib draws as it is: no mathematics, and no legend entry left out."""
    shielded = text.replace("$", r"\$")
    return f" {shielded}" if shielded.startswith("_") else shielded
