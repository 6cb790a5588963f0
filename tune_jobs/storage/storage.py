"""The place where results are kept: a local or shared folder, S3, or any file system that pyarrow knows by URI."""

import itertools
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pyarrow import fs

from tune_jobs.errors import StorageError, StorageRefusedError, UserError, first_line, redacted
from tune_jobs.files import replace_file
from tune_jobs.storage import local_errors, retries, s3
from tune_jobs.storage.local_folder import absolute_folder
from tune_jobs.storage.retries import retried
from tune_jobs.storage.s3_errors import explain, s3_error

# A request takes tens of milliseconds, whatever its size.
_CONCURRENT_REQUESTS = 16
# Of a file that was replaced while it was read.
_READ_ATTEMPTS = 4

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Storage:
    """A place with atomic writes: a reader sees a whole file or none.

    Attributes:
        uri: as the user gave it.
        root: its path within the file system.
        patience_seconds: how long a request to S3 is retried (see retries.py).
        region: of an S3 bucket, if Amazon had to be asked.
    """

    uri: str
    filesystem: fs.FileSystem
    root: str
    patience_seconds: float = 0.0
    region: str = ""

    @classmethod
    def at(cls, uri: str) -> "Storage":
        """Open a folder or URI as a storage; nothing is created.

        Raises:
            UserError: the URI or the path is malformed, holds credentials, or is of a kind that pyarrow does not know.
            StorageError: Amazon does not say in which region the bucket is.
        """
        if not uri.strip():
            raise UserError("--storage: is empty; give a folder or s3://bucket/path")
        if "://" not in uri:
            return cls(uri, fs.LocalFileSystem(), absolute_folder(uri))
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
        """Have another process open it anew: pyarrow forgets the number of attempts when it pickles a file system."""
        return _reopened, (self.shared_uri, self.patience_seconds)

    def patient(self, seconds: float | None = None) -> "Storage":
        """The same storage, which waits out an outage for this long; by default as long as a run does."""
        return replace(self, patience_seconds=retries.PATIENCE_SECONDS if seconds is None else seconds)

    @property
    def local_root(self) -> Path | None:
        """The folder, if the storage is one."""
        return Path(self.root) if isinstance(self.filesystem, fs.LocalFileSystem) else None

    @property
    def is_s3(self) -> bool:
        """Whether it speaks the S3 protocol."""
        return isinstance(self.filesystem, fs.S3FileSystem)

    @property
    def is_relative(self) -> bool:
        """Whether it is a path that another machine would resolve differently."""
        return "://" not in self.uri and not Path(self.uri).is_absolute()

    @property
    def shared_uri(self) -> str:
        """The URI by which other processes and nodes find it."""
        if self.local_root is not None:
            return str(self.local_root)
        return f"{self.uri}{'&' if '?' in self.uri else '?'}region={self.region}" if self.region else self.uri

    def path(self, *parts: str) -> str:
        """The path, within the file system, of a file or folder of the storage."""
        return str(PurePosixPath(self.root, *parts))

    def address(self, *parts: str) -> str:
        """The path or URI of a file or folder of the storage, for people: `at` accepts it."""
        if "://" not in self.uri:
            return self.path(*parts)
        uri, question, options = self.uri.partition("?")
        return "/".join([uri.rstrip("/"), *parts]) + question + options

    def require_bucket(self) -> None:
        """Check that the bucket exists: listed, one that does not looks empty.

        Raises:
            StorageError: it does not.
        """
        if self.is_s3:
            bucket = self.root.partition("/")[0]
            infos = self._request("read", lambda: self.filesystem.get_file_info([bucket]))
            if infos[0].type == fs.FileType.NotFound:
                raise StorageError(f"{self.uri}: there is no bucket {bucket}; create it, or give another --storage")

    def exists(self, *parts: str) -> bool:
        """Whether there is such a file or folder.

        Raises:
            StorageError: the storage cannot be read.
        """
        info = self._request("read", lambda: self.filesystem.get_file_info(self.path(*parts)))
        return bool(info.type != fs.FileType.NotFound)

    def names(self, *parts: str) -> dict[str, bool]:
        """List a folder: each entry's name, and whether it is a file. A folder that does not exist is empty.

        Raises:
            StorageError: the storage cannot be read.
        """
        selector = fs.FileSelector(self.path(*parts), allow_not_found=True)
        infos = self._request("read", lambda: self.filesystem.get_file_info(selector))
        return {info.base_name: info.type == fs.FileType.File for info in infos}

    def sizes(self, *parts: str) -> dict[str, int]:
        """List the files of a folder with their bytes. A folder that does not exist is empty.

        Raises:
            StorageError: the storage cannot be read.
        """
        selector = fs.FileSelector(self.path(*parts), allow_not_found=True)
        infos = self._request("read", lambda: self.filesystem.get_file_info(selector))
        return {info.base_name: info.size for info in infos if info.type == fs.FileType.File}

    def read(self, *parts: str) -> bytes:
        """Read a whole file.

        Raises:
            FileNotFoundError: there is no such file.
            StorageError: the storage cannot be read.
        """

        def content() -> bytes:
            with self.filesystem.open_input_file(self.path(*parts)) as stream:
                return bytes(stream.read())

        return self._request("read", content)

    def opened(self, use: Callable[[Any], _T], *parts: str) -> _T:
        """Open a file for `use`, which reads only what it needs, and return its result.

        Raises:
            FileNotFoundError: there is no such file.
            OSError: the content is not what `use` expects.
            StorageError: the storage cannot be read.
        """

        def content() -> _T:
            with self.filesystem.open_input_file(self.path(*parts)) as stream:
                return use(stream)

        try:
            return self._request("read", content)
        except StorageError as error:
            cause = error.__cause__
            # pyarrow says of content that it is not what it expects by an error without a number.
            if isinstance(cause, OSError) and cause.errno is None and s3_error(cause) is None:
                raise cause from None
            raise

    def parsed(self, parse: Callable[[bytes], _T], *parts: str) -> _T:
        """Read and parse a file that may be replaced at the same time.

        pyarrow asks S3 for a file's length before its content. If the file is replaced in between, the content comes
        cut off, and is read again.

        Raises:
            FileNotFoundError: there is no such file.
            StorageError: the storage cannot be read.
        """
        for _ in range(_READ_ATTEMPTS if self.is_s3 else 1):
            content = self.read(*parts)
            try:
                return parse(content)
            except (ValueError, KeyError, TypeError):
                continue
        return parse(content)

    def each(self, function: Callable[[_Item], _T], items: Iterable[_Item]) -> Iterator[_T]:
        """Apply a function to each item, concurrently where that saves waiting for a server; results come in order."""
        if self.local_root is not None:
            yield from map(function, items)
            return
        pool = ThreadPoolExecutor(_CONCURRENT_REQUESTS)
        try:
            yield from pool.map(function, items)
        finally:
            pool.shutdown(cancel_futures=True)

    def documents(
        self, parse: Callable[[Any], _T], *parts: str, torn: Callable[[str, Exception], None] | None = None
    ) -> Iterator[_T]:
        """Read each JSON file of a folder, in order of name; a file that is deleted meanwhile is skipped.

        Args:
            parse: takes the value in a file.
            parts: of the folder's path.
            torn: called with the address of a file that is cut or damaged, and the error. It may raise; if it does not,
                the file is skipped. By default that is logged.

        Raises:
            StorageError: the storage cannot be read.
        """

        def read(name: str) -> tuple[_T, ...]:
            try:
                return (self.parsed(lambda content: parse(json.loads(content)), *parts, name),)
            except StorageError:
                raise
            except FileNotFoundError:
                return ()
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                (torn or say_cut)(self.address(*parts, name), error)
                return ()

        names = sorted(name for name, is_file in self.names(*parts).items() if is_file and _is_document(name))
        return itertools.chain.from_iterable(self.each(read, names))

    def write(self, content: bytes, *parts: str) -> None:
        """Write a whole file: on return it is durable, and no reader ever sees a part of it.

        Raises:
            StorageError: the storage cannot be written.
        """
        path = self.path(*parts)

        def put() -> None:
            if self.local_root is not None:
                _write_local(Path(path), content)
                return
            with self.filesystem.open_output_stream(path) as stream:
                stream.write(content)

        try:
            self._request("written", put)
        except FileNotFoundError as error:
            raise self._unusable("written", error) from error

    def delete(self, *parts: str) -> None:
        """Delete a file, if it exists.

        Raises:
            StorageError: the storage cannot be written.
        """
        try:
            self._request("written", lambda: self.filesystem.delete_file(self.path(*parts)))
        except FileNotFoundError:
            return

    def _request(self, done: str, action: Callable[[], _T]) -> _T:
        try:
            return retried(action, self.uri, self.patience_seconds)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._unusable(done, error) from error

    def _unusable(self, done: str, error: OSError) -> StorageError:
        found = s3_error(error)
        if self.is_s3:
            kind = StorageRefusedError if found is not None and found.refused else StorageError
            return kind(f"{self.uri}: cannot be {done}: {explain(error)}")
        lasting = local_errors.meaning(error)
        if lasting:
            return StorageRefusedError(f"{self.uri}: cannot be {done}: {lasting}, or give another --storage")
        return StorageError(f"{self.uri}: cannot be {done} ({first_line(error)}); give another --storage")


def say_cut(address: str, error: Exception) -> None:
    """Log that a file is cut or damaged, and passed over."""
    _log.warning(
        "%s: is cut or damaged (%s), and passed over; `ablatune ledger check` names such files", address, error
    )


def _reopened(uri: str, patience_seconds: float) -> Storage:
    return Storage.at(uri).patient(patience_seconds)


def _is_document(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


def _write_local(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
