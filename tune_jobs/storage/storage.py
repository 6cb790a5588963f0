"""Where results live: a local or shared folder, S3, or any file system that pyarrow reaches by URI."""

import itertools
import json
import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pyarrow import fs

from tune_jobs.errors import StorageError, UserError, first_line, redacted
from tune_jobs.files import replace_file
from tune_jobs.storage import s3

# How long a run goes on trying where S3 does not answer: what has been trained waits for it.
PATIENCE_SECONDS = 600.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0
# Requests at once: each takes tens of milliseconds, whatever its size.
_AT_ONCE = 16
_READINGS = 4

_T = TypeVar("_T")
_Item = TypeVar("_Item")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Storage:
    """A place with atomic writes: a reader sees a file whole or not at all.

    Attributes:
        uri: as the user named it.
        root: its path within the file system.
        patience_seconds: for how long to try again what fails for reasons that may pass; for S3.
        region: of an S3 bucket, where Amazon had to be asked.
    """

    uri: str
    filesystem: fs.FileSystem
    root: str
    patience_seconds: float = 0.0
    region: str = ""

    @classmethod
    def at(cls, uri: str) -> "Storage":
        """Return the storage at a folder or URI; nothing is created.

        Raises:
            UserError: the URI is of no kind that pyarrow knows, or has credentials in it.
            StorageError: Amazon is to be asked for the region of the bucket, and does not say.
        """
        if not uri.strip():
            raise UserError("--storage: is empty; give a folder or s3://bucket/path")
        if "://" not in uri:
            return cls(uri, fs.LocalFileSystem(), str(Path(uri).expanduser().resolve()))
        if s3.is_s3(uri):
            filesystem, root, region = s3.connect(uri)
            return cls(uri, filesystem, root, region=region)
        try:
            filesystem, root = fs.FileSystem.from_uri(uri)
        except (OSError, ValueError) as error:
            why = redacted(first_line(error))
            raise UserError(f"--storage {redacted(uri)}: {why}; give a folder or s3://bucket/path") from error
        return cls(uri, filesystem, root)

    def __reduce__(self) -> Any:
        """Another process opens it anew: a file system that was pickled forgets how often to try."""
        return _reopened, (self.shared_uri, self.patience_seconds)

    def patient(self, seconds: float | None = None) -> "Storage":
        """Return the storage as it is used in mid-run, where an outage is waited out for so long."""
        return replace(self, patience_seconds=PATIENCE_SECONDS if seconds is None else seconds)

    @property
    def local_root(self) -> Path | None:
        """The folder, where the storage is one."""
        return Path(self.root) if isinstance(self.filesystem, fs.LocalFileSystem) else None

    @property
    def is_s3(self) -> bool:
        """Whether it is reached by S3's protocol."""
        return isinstance(self.filesystem, fs.S3FileSystem)

    @property
    def shared_uri(self) -> str:
        """What other processes and nodes find it by."""
        if self.local_root is not None:
            return str(self.local_root)
        return f"{self.uri}{'&' if '?' in self.uri else '?'}region={self.region}" if self.region else self.uri

    def path(self, *parts: str) -> str:
        """Return the path of something in the storage."""
        return str(PurePosixPath(self.root, *parts))

    def address(self, *parts: str) -> str:
        """Return what a person names something in the storage by: a path, or a URI as `at` takes it."""
        if "://" not in self.uri:
            return self.path(*parts)
        uri, question, options = self.uri.partition("?")
        return "/".join([uri.rstrip("/"), *parts]) + question + options

    def require_bucket(self) -> None:
        """Raise where there is no such bucket: S3 lists it as an empty one.

        Raises:
            StorageError: there is none.
        """
        if self.is_s3:
            bucket = self.root.partition("/")[0]
            infos = self._tried("read", lambda: self.filesystem.get_file_info([bucket]))
            if infos[0].type == fs.FileType.NotFound:
                raise StorageError(f"{self.uri}: there is no bucket {bucket}; create it, or give another --storage")

    def exists(self, *parts: str) -> bool:
        """Return whether a file or folder is there.

        Raises:
            StorageError: the place cannot be read.
        """
        info = self._tried("read", lambda: self.filesystem.get_file_info(self.path(*parts)))
        return bool(info.type != fs.FileType.NotFound)

    def names(self, *parts: str) -> dict[str, bool]:
        """Return the entries of a folder, name to whether it is a file; none where there is no folder.

        Raises:
            StorageError: the place cannot be read.
        """
        selector = fs.FileSelector(self.path(*parts), allow_not_found=True)
        infos = self._tried("read", lambda: self.filesystem.get_file_info(selector))
        return {info.base_name: info.type == fs.FileType.File for info in infos}

    def read(self, *parts: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: there is no such file.
            StorageError: the place cannot be read.
        """

        def content() -> bytes:
            with self.filesystem.open_input_file(self.path(*parts)) as stream:
                return bytes(stream.read())

        return self._tried("read", content)

    def opened(self, use: Callable[[Any], _T], *parts: str) -> _T:
        """Return what `use` makes of an open file, of which it reads only what it needs.

        Raises:
            FileNotFoundError: there is no such file.
            OSError: the file is not what `use` takes it for.
            StorageError: the place cannot be read.
        """

        def content() -> _T:
            with self.filesystem.open_input_file(self.path(*parts)) as stream:
                return use(stream)

        try:
            return self._tried("read", content)
        except StorageError as error:
            if isinstance(error.__cause__, OSError) and not s3.is_answer(error.__cause__):
                raise error.__cause__ from None
            raise

    def parsed(self, parse: Callable[[bytes], _T], *parts: str) -> _T:
        """Return what `parse` makes of a file that may be replaced meanwhile.

        pyarrow asks S3 for the length of a file before its content: one that was replaced in between comes cut off, and
        is read again.

        Raises:
            FileNotFoundError: there is no such file.
            StorageError: the place cannot be read.
        """
        for _ in range(_READINGS if self.is_s3 else 1):
            content = self.read(*parts)
            try:
                return parse(content)
            except (ValueError, KeyError, TypeError):
                continue
        return parse(content)

    def each(self, function: Callable[[_Item], _T], items: Iterable[_Item]) -> Iterator[_T]:
        """Return what a function gives for each item, in order; where each waits for a server, many at once."""
        if self.local_root is not None:
            yield from map(function, items)
            return
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            yield from pool.map(function, items)
        finally:
            pool.shutdown(cancel_futures=True)

    def documents(
        self, parse: Callable[[Any], _T], *parts: str, torn: Callable[[str, Exception], None] | None = None
    ) -> Iterator[_T]:
        """Return what `parse` makes of each JSON file of a folder, in the order of their names.

        A file that is deleted meanwhile is passed over.

        Args:
            parse: takes the value in a file.
            parts: of the folder's path.
            torn: takes the address of a file that has no such value, and the error, and may raise; else, and where it
                does not, the file is passed over.

        Raises:
            StorageError: the place cannot be read.
        """

        def read(name: str) -> tuple[_T, ...]:
            try:
                return (self.parsed(lambda content: parse(json.loads(content)), *parts, name),)
            except StorageError:
                raise
            except FileNotFoundError:
                return ()
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                if torn is not None:
                    torn(self.address(*parts, name), error)
                return ()

        names = sorted(name for name, is_file in self.names(*parts).items() if is_file and _is_document(name))
        return itertools.chain.from_iterable(self.each(read, names))

    def write(self, content: bytes, *parts: str) -> None:
        """Write a file whole: on return it is durable, and no reader ever sees a part of it.

        Raises:
            StorageError: the place cannot be written.
        """
        path = self.path(*parts)

        def put() -> None:
            if self.local_root is not None:
                _write_local(Path(path), content)
                return
            with self.filesystem.open_output_stream(path) as stream:
                stream.write(content)

        try:
            self._tried("written", put)
        except FileNotFoundError as error:
            raise self._unusable("written", error) from error

    def delete(self, *parts: str) -> None:
        """Delete a file; one that is gone already is no error.

        Raises:
            StorageError: the place cannot be written.
        """
        try:
            self._tried("written", lambda: self.filesystem.delete_file(self.path(*parts)))
        except FileNotFoundError:
            return

    def _tried(self, done: str, action: Callable[[], _T]) -> _T:
        """Do something, again and again within the storage's patience where S3 is in trouble that may pass."""
        start, pause = time.monotonic(), _FIRST_PAUSE_SECONDS
        while True:
            try:
                return action()
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                if not self.is_s3:
                    raise self._unusable(done, error) from error
                waited = time.monotonic() - start
                if not s3.transient(error) or waited + pause > self.patience_seconds:
                    raise StorageError(f"{self.uri}: cannot be {done}: {s3.explain(error)}") from error
                if pause == _FIRST_PAUSE_SECONDS:
                    _log.warning(
                        "%s: %s; trying for up to %.0f s more",
                        self.uri,
                        s3.explain(error),
                        self.patience_seconds - waited,
                    )
            # At random, so that workers that were cut off together do not come back together.
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _unusable(self, done: str, error: OSError) -> StorageError:
        return StorageError(f"{self.uri}: cannot be {done} ({first_line(error)}); give another place with --storage")


def _reopened(uri: str, patience_seconds: float) -> Storage:
    return Storage.at(uri).patient(patience_seconds)


def _is_document(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


def _write_local(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
