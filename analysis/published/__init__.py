"""Published reports: their numbers and statements, and how ours compare with them."""
