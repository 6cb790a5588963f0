"""What a TensorBoard log holds."""

from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c


def events(folder: Path) -> list[Event]:
    """Return the events of the one event file below a folder (length, checksum, content, checksum)."""
    (path,) = folder.rglob("events.out.*")
    content, found = path.read_bytes(), []
    while content:
        size = int.from_bytes(content[:8], "little")
        body = content[12 : 12 + size]
        assert int.from_bytes(content[12 + size : 16 + size], "little") == masked_crc32c(body)
        found.append(Event.FromString(body))
        content = content[16 + size :]
    return found
