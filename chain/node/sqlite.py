"""A store on disk: one SQLite file, write-ahead log, every write durable before it is acknowledged."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from meritnet.chain.errors import CodecError, StoreError
from meritnet.chain.host.trie import Trie, ordered_root
from meritnet.chain.node.block import Block, decode_body, decode_header
from meritnet.chain.node.store import Changes, Version

FILE = "chain.sqlite"
FORMAT = 1
TRIES_KEPT = 64
"""States held in memory; an older one is made again from its nearest neighbour and what changed between."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS labels (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocks
    (number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, header BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS versions
    (version INTEGER PRIMARY KEY, number INTEGER NOT NULL, root BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS versions_by_number ON versions (number, version);
CREATE TABLE IF NOT EXISTS state
    (key BLOB, version INTEGER, value BLOB, PRIMARY KEY (key, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS state_by_version ON state (version);
"""
NEWEST_VALUES = """
WITH RECURSIVE walk (at) AS (
    SELECT min(key) FROM state
    UNION ALL SELECT (SELECT min(key) FROM state WHERE key > at) FROM walk WHERE at IS NOT NULL)
SELECT at, (SELECT value FROM state WHERE key = at AND version <= ? ORDER BY version DESC LIMIT 1)
FROM walk WHERE at IS NOT NULL
"""  # from key to key by the index: how long that takes does not depend on how many old values there are
ELSEWHERE = "choose another --base-path"


class SqliteStore:
    """The store in ``directory``. The file stays locked, so that two nodes cannot write one chain.

    ``layout`` is the trie's layout (0 or 1) in which the newest state is read back; a state whose root is
    not the one written beside it is refused.
    """

    def __init__(self, directory: Path, layout: int = 1) -> None:
        self.path = directory / FILE
        self._layout = layout
        self._tries: OrderedDict[int, Trie] = OrderedDict()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{directory} cannot hold a chain: {error}", ELSEWHERE) from None
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        with self._failures():
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if found not in (0, FORMAT):
                known = f"{self.path} has format {found}, this version reads format {FORMAT}"
                raise StoreError(known, f"open it with the version that wrote it, or {ELSEWHERE}")
            self._db.executescript(f"BEGIN EXCLUSIVE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        head = self.head()
        if head:
            self._load(head)

    def _load(self, version: Version) -> Trie:
        trie = Trie.from_items(self._items(version.index), self._layout)
        self._tries[version.index] = trie
        return self._checked(trie, version)

    def _checked(self, trie: Trie, version: Version) -> Trie:
        if trie.root() != version.root:
            raise self._damaged(f"the state of block {version.number} does not have its root")
        return trie

    def _damaged(self, what: object) -> StoreError:
        return StoreError(f"{self.path} is damaged: {what}", f"restore it, or {ELSEWHERE}")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                used = f"{self.path.parent} is in use by another node"
                raise StoreError(used, f"stop it, or {ELSEWHERE}") from None
            raise StoreError(f"{self.path} cannot be used: {error}") from None
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        with self._failures():
            cursor = self._db.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    cursor.execute("ROLLBACK")
                raise

    def _one(self, query: str, *parameters: object) -> tuple[object, ...] | None:
        with self._failures():
            row: tuple[object, ...] | None = self._db.execute(query, parameters).fetchone()
            return row

    def label(self, name: str) -> bytes | None:
        row = self._one("SELECT value FROM labels WHERE name = ?", name)
        return _blob(row[0]) if row else None

    def put_labels(self, labels: Mapping[str, bytes]) -> None:
        with self._writing() as cursor:
            cursor.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?)", labels.items())

    def head(self) -> Version | None:
        row = self._one("SELECT version, number, root FROM versions ORDER BY version DESC LIMIT 1")
        return _version(row) if row else None

    def put_block(self, block: Block, changes: Changes, trie: Trie) -> Version:
        with self._writing() as cursor:
            row = (block.number, block.hash, block.header.encoded, block.body)
            cursor.execute("INSERT INTO blocks VALUES (?, ?, ?, ?)", row)
            version = self._put_version(cursor, block.number, changes, trie)
        return self._remember(version, trie)

    def put_edit(self, changes: Changes, trie: Trie) -> Version:
        with self._writing() as cursor:
            (number,) = cursor.execute("SELECT max(number) FROM blocks").fetchone()
            version = self._put_version(cursor, number, changes, trie)
        return self._remember(version, trie)

    def _put_version(self, cursor: sqlite3.Cursor, number: int, changes: Changes, trie: Trie) -> Version:
        (index,) = cursor.execute("SELECT coalesce(max(version), -1) + 1 FROM versions").fetchone()
        version = Version(index, number, trie.root())
        cursor.execute("INSERT INTO versions VALUES (?, ?, ?)", (index, number, version.root))
        cursor.executemany("INSERT INTO state VALUES (?, ?, ?)", ((k, index, v) for k, v in changes.items()))
        return version

    def _remember(self, version: Version, trie: Trie) -> Version:
        self._tries[version.index] = trie
        while len(self._tries) > TRIES_KEPT:
            self._tries.popitem(last=False)
        return version

    def truncate(self, index: int) -> None:
        self.trie(index)  # made before what it is made from is gone
        with self._writing() as cursor:
            cursor.execute("DELETE FROM state WHERE version > ?", (index,))
            cursor.execute("DELETE FROM versions WHERE version > ?", (index,))
            cursor.execute("DELETE FROM blocks WHERE number > (SELECT max(number) FROM versions)")
        for later in [known for known in self._tries if known > index]:
            del self._tries[later]

    def block(self, number: int) -> Block | None:
        row = self._one("SELECT hash, header, body FROM blocks WHERE number = ?", number)
        if row is None:
            return None
        try:
            block = Block(decode_header(_blob(row[1])), decode_body(_blob(row[2])))
        except CodecError as error:
            raise self._damaged(f"block {number}: {error}") from None
        roots = (ordered_root(block.extrinsics, layout) for layout in (0, 1))
        if block.hash != row[0] or block.header.extrinsics_root not in roots:
            raise self._damaged(f"block {number} does not have its hash")
        return block

    def number_of(self, block_hash: bytes) -> int | None:
        row = self._one("SELECT number FROM blocks WHERE hash = ?", block_hash)
        return _integer(row[0]) if row else None

    def version_at(self, number: int) -> Version:
        query = "SELECT version, number, root FROM versions WHERE number = ? ORDER BY version DESC LIMIT 1"
        row = self._one(query, number)
        if row is None:
            raise StoreError(f"{self.path} holds no state of block {number}")
        return _version(row)

    def trie(self, index: int) -> Trie:
        trie = self._tries.get(index)
        if trie is None:
            newer = min(known for known in self._tries if known > index)
            row = self._one("SELECT version, number, root FROM versions WHERE version = ?", index)
            assert row is not None, "only versions that exist are asked for"
            trie = self._tries[newer].apply(self._way_back(index, newer), self._layout)
            head = max(self._tries)
            self._remember(_version(row), self._checked(trie, _version(row)))
            self._tries.move_to_end(head)
        return trie

    def _way_back(self, index: int, newer: int) -> dict[bytes, bytes | None]:
        """What leads from the state ``newer`` to the older state ``index``."""
        changed = "SELECT DISTINCT key FROM state WHERE version > ? AND version <= ?"
        value = "SELECT value FROM state WHERE key = ? AND version <= ? ORDER BY version DESC LIMIT 1"
        with self._failures():
            keys = [key for (key,) in self._db.execute(changed, (index, newer))]
            rows = {key: self._db.execute(value, (key, index)).fetchone() for key in keys}
        return {key: row[0] if row else None for key, row in rows.items()}

    def _items(self, index: int) -> Iterator[tuple[bytes, bytes]]:
        with self._failures():
            for key, value in self._db.execute(NEWEST_VALUES, (index,)):
                if value is not None:
                    yield key, value

    def close(self) -> None:
        with self._failures():
            self._db.close()


def _blob(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise StoreError(f"the database is damaged: {type(value).__name__} where bytes belong")
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise StoreError(f"the database is damaged: {type(value).__name__} where a number belongs")
    return value


def _version(row: tuple[object, ...]) -> Version:
    return Version(_integer(row[0]), _integer(row[1]), _blob(row[2]))
