"""Bytes with a digest before them, which tells whether they are whole (no torch)."""

import hashlib

_DIGEST = hashlib.sha256().digest_size


def sealed(content: bytes) -> bytes:
    """Put the digest of some bytes before them."""
    return hashlib.sha256(content).digest() + content


def is_whole(content: bytes) -> bool:
    """Whether bytes are what `sealed` returned."""
    return hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]


def unsealed(content: bytes) -> bytes:
    """Return the bytes without their digest."""
    return content[_DIGEST:]
