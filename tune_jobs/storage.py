"""Where results live: a local or shared folder, or any file system that pyarrow reaches by URI (S3, …)."""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pyarrow import fs

from tune_jobs.errors import UserError


@dataclass(frozen=True)
class Storage:
    """A place with atomic writes: a reader sees a file whole or not at all.

    Attributes:
        uri: as the user named it.
        root: its path within the file system.
    """

    uri: str
    filesystem: fs.FileSystem
    root: str

    @classmethod
    def at(cls, uri: str) -> "Storage":
        """Return the storage at a folder or URI; nothing is created.

        Raises:
            UserError: the URI is of no kind that pyarrow knows.
        """
        if not uri.strip():
            raise UserError("--storage: is empty; give a folder or s3://bucket/path")
        if "://" not in uri:
            return cls(uri, fs.LocalFileSystem(), str(Path(uri).expanduser().resolve()))
        try:
            filesystem, root = fs.FileSystem.from_uri(uri)
        except (OSError, ValueError) as error:
            raise UserError(f"--storage {uri}: {_first_line(error)}; give a folder or s3://bucket/path") from error
        return cls(uri, filesystem, root)

    @property
    def local_root(self) -> Path | None:
        """The folder, where the storage is one."""
        return Path(self.root) if isinstance(self.filesystem, fs.LocalFileSystem) else None

    def path(self, *parts: str) -> str:
        """Return the path of something in the storage."""
        return str(PurePosixPath(self.root, *parts))

    def address(self, *parts: str) -> str:
        """Return what a person names something in the storage by: a path, or a URI as `at` takes it."""
        if "://" not in self.uri:
            return self.path(*parts)
        uri, question, options = self.uri.partition("?")
        return "/".join([uri.rstrip("/"), *parts]) + question + options

    def exists(self, *parts: str) -> bool:
        """Return whether a file or folder is there."""
        return bool(self.filesystem.get_file_info(self.path(*parts)).type != fs.FileType.NotFound)

    def names(self, *parts: str) -> dict[str, bool]:
        """Return the entries of a folder, name to whether it is a file; none where there is no folder."""
        selector = fs.FileSelector(self.path(*parts), allow_not_found=True)
        infos = self.filesystem.get_file_info(selector)
        return {info.base_name: info.type == fs.FileType.File for info in infos}

    def read(self, *parts: str) -> bytes:
        """Return a file's content."""
        with self.filesystem.open_input_file(self.path(*parts)) as stream:
            return bytes(stream.read())

    def write(self, content: bytes, *parts: str) -> None:
        """Write a file whole: on return it is durable, and no reader ever sees a part of it.

        Raises:
            UserError: the place cannot be written.
        """
        path = self.path(*parts)
        try:
            if self.local_root is not None:
                _write_local(Path(path), content)
                return
            with self.filesystem.open_output_stream(path) as stream:
                stream.write(content)
        except OSError as error:
            raise UserError(
                f"{self.uri}: cannot be written ({_first_line(error)}); give another place with --storage"
            ) from error

    def delete(self, *parts: str) -> None:
        """Delete a file; one that is gone already is no error."""
        try:
            self.filesystem.delete_file(self.path(*parts))
        except FileNotFoundError:
            return


def _write_local(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
