"""The journal of a stage: every reply, observation, critique and score in one SQLite file, committed before it is acted on.

One thread writes, in groups: whatever is waiting goes into one transaction. With ``synchronous=NORMAL`` in WAL mode a commit
survives ``kill -9`` at any moment; a power cut may cost the last group, never the file.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

from eurus_core.errors import InputError, UserError

Kind = Literal["reply", "observation", "critique", "answer", "scores"]
"""What an actor said, what code printed, what a critic said, what a function answered, what a scorer gave."""

APPLICATION_ID = 0x45555255  # "EURU", which `file` shows and sqlite3 ignores
VERSION = 1
NEEDED = "A journal is a file that a stage of eurus made; name another path, or move this one away."

_TABLE = """
CREATE TABLE record (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID
"""


class JournalError(UserError):
    """The journal cannot be written: a full disk, most often. What was committed stays."""


class Record(NamedTuple):
    """A line of the journal. ``place`` says in words where in which tree it belongs, for people who look inside."""

    key: str
    kind: Kind
    place: str
    value: str


class Journal:
    """An open journal; a context manager. Reading is done in the caller's thread, writing in the journal's own."""

    def __init__(self, path: Path):
        """Open or create the journal at ``path``; InputError where something else lies there."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._reader = _connect(path)
            self._connection = _connect(path)
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.OperationalError) and path.is_file():
                raise _failure(path, error) from error
            raise InputError(f"not a journal ({error})", needed=NEEDED, file=path) from error
        self._waiting: queue.SimpleQueue[tuple[Record, Future[None]] | None] = queue.SimpleQueue()
        self._closing, self._closed = threading.Lock(), False
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is waiting and close the file."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._writer.join()
        self._connection.close()
        self._reader.close()

    def discard(self) -> None:
        """Close the journal and remove its file, once what it held is elsewhere."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)

    def find(self, key: str) -> str | None:
        """Return what is stored under a key, or None."""
        for (value,) in self._read("SELECT value FROM record WHERE key = ?", key):
            return str(value)
        return None

    def count(self, kind: Kind) -> int:
        """Return how many records of a kind are committed."""
        ((number,),) = self._read("SELECT count(*) FROM record WHERE kind = ?", kind)
        return int(number)

    def records(self, kind: Kind) -> Iterator[Record]:
        """Yield the committed records of a kind, in the order of their keys."""
        for row in self._read("SELECT key, kind, place, value FROM record WHERE kind = ? ORDER BY key", kind):
            yield Record(*row)

    def _read(self, query: str, argument: str) -> Iterator[tuple[Any, ...]]:
        """Yield rows; InputError where the file is damaged."""
        try:
            yield from self._reader.execute(query, (argument,))
        except sqlite3.Error as error:
            raise InputError(f"the journal is damaged ({error})", needed=NEEDED, file=self.path) from error

    def put(self, record: Record) -> Future[None]:
        """Hand a record to the writer; the future is done once it is committed. A key that is there keeps its value.

        ValueError where the journal is closed: nobody would write it.
        """
        done: Future[None] = Future()
        with self._closing:
            if self._closed:
                raise ValueError(f"{self.path} is closed; nothing more can be kept in it")
            self._waiting.put((record, done))
        return done

    async def keep(self, record: Record) -> None:
        """Return once the record is committed; a caller that is cancelled meanwhile loses nothing.

        JournalError where it could not be written.
        """
        await asyncio.shield(asyncio.wrap_future(self.put(record)))

    def _write(self) -> None:
        while (first := self._waiting.get()) is not None:
            group, last = [first], False
            while not self._waiting.empty() and not last:
                item = self._waiting.get()
                if item is None:
                    last = True
                else:
                    group.append(item)
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[tuple[Record, Future[None]]]) -> None:
        """Commit a group and tell those who wait for it, also of what went wrong: the writer must outlive every record."""
        problem: Exception | None = None
        try:
            with self._connection as connection:
                connection.execute("BEGIN")
                connection.executemany(
                    "INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?)", [record for record, _ in group]
                )
        except sqlite3.Error as error:
            problem = _failure(self.path, error)
        except Exception as error:  # a record that cannot be written, such as text with half a surrogate pair
            if len(group) > 1:
                for one in group:
                    self._commit([one])
                return
            problem = error
        for _, done in group:
            if problem:
                done.set_exception(problem)
            else:
                done.set_result(None)


def _connect(path: Path) -> sqlite3.Connection:
    """Return a connection to our kind of file, creating it where there is none; sqlite3.Error for any other, left untouched."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and mark != APPLICATION_ID:
            raise sqlite3.DatabaseError("it is another program's database")
        if tables and version != VERSION:
            raise sqlite3.DatabaseError(f"it has version {version}; this release reads {VERSION}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        if not tables:
            _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    """Lay out a new file, in one transaction: a kill leaves it empty or whole."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute(_TABLE)


def _failure(path: Path, error: sqlite3.Error) -> UserError:
    """Return what to tell a person about a write that failed."""
    if isinstance(error, sqlite3.OperationalError):
        return JournalError(
            f"{path}: cannot be written ({error}). Make room and run the same command again: "
            "every reply committed so far is kept."
        )
    return InputError(f"the journal is damaged ({error})", needed=NEEDED, file=path)
