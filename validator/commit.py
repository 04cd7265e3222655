"""Committing weights and revealing them an epoch later, each exactly once, whatever happens in between.

The weights and their salt are on disk, synced, *before* the commit is sent: a validator that dies at any
moment can still reveal what it committed. After a restart the chain says whether a commit arrived; one that
did not is sent again as it is written, in its own epoch only. The salt binds the bundle that the weights come
from (``validator.binding``); its secret is written beside the bundle once the weights are public.

A commit of this hotkey that this book does not know was made by somebody else: two validators on one hotkey
overwrite each other's weights, so the later one stops.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from meritnet.chain.client.client import Chain
from meritnet.chain.client.storage_key import blake2_128_concat, item_prefix
from meritnet.chain.client.weights import commit_weights, reveal_weights
from meritnet.chain.errors import DeadlineExceeded, MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.consensus.commit import RevealWindow, commit_hash, reveal_window
from meritnet.validator.archive import Archive
from meritnet.validator.binding import SECRET_BYTES, Proof, bound_salt, proof_path
from meritnet.validator.durable import read_json, write_json
from meritnet.validator.weights import WeightVector

PENDING_WAIT_S = 60.0
"""How long to wait for a transaction of an earlier life to leave the pool."""


class SecondValidator(MeritnetError):
    """Somebody else commits with the same hotkey."""


@dataclass(frozen=True)
class Commit:
    """One row of weights, from the moment its salt was drawn until it is revealed or expired."""

    epoch: int
    """The epoch in which it is to be committed; once it is on the chain, the one in which it was."""
    uids: tuple[int, ...]
    values: tuple[int, ...] = field(repr=False)
    salt: tuple[int, ...] = field(repr=False)
    version_key: int
    commit_hash: str
    """Hex, without 0x."""
    on_chain: bool = False
    """Whether the chain is known to have the commit."""
    reveal_period: int = 0
    """Epochs until the reveal where the subnet's period adapts; 0: as the subnet has it."""
    block: int = 0
    """The block that took it in."""
    secret: str = field(default="", repr=False)
    """What the salt was made from, in hex; empty for one of an older version."""
    bundle: str = ""
    """The bundle that the salt binds."""

    def reveal_epoch(self, reveal_period: int) -> int:
        """The one epoch in which it may be revealed, given the subnet's present period."""
        return self.epoch + (self.reveal_period or reveal_period)


class CommitBook:
    """The commits that are not settled yet, on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.commits = [_parsed(fields) for fields in read_json(path) or []]

    def put(self, commit: Commit) -> None:
        """Adds a commit, or replaces the one of the same hash; on disk when this returns."""
        others = [kept for kept in self.commits if kept.commit_hash != commit.commit_hash]
        self._save([*others, commit])

    def drop(self, commit: Commit) -> None:
        """Forgets a commit that is revealed, or never will be."""
        self._save([kept for kept in self.commits if kept.commit_hash != commit.commit_hash])

    def has_committed(self, epoch: int) -> bool:
        """Whether a commit of this epoch is on the chain."""
        return any(commit.on_chain and commit.epoch == epoch for commit in self.commits)

    def reveals_due(self, reveal_period: int) -> tuple[int, ...]:
        """The epochs in which the commits on the chain are to be revealed, given the subnet's period."""
        return tuple(commit.reveal_epoch(reveal_period) for commit in self.commits if commit.on_chain)

    def _save(self, commits: list[Commit]) -> None:
        write_json(self._path, [asdict(commit) for commit in commits])
        self.commits = commits


class Committer:
    """Commits and reveals for one validator in one subnet. Its methods block; call them in a thread."""

    def __init__(self, chain: Chain, netuid: int, pair: KeyPair, book: CommitBook, archive: Archive) -> None:
        self._chain = chain
        self._netuid = netuid
        self._pair = pair
        self._archive = archive
        self.book = book

    def commit(self, vector: WeightVector, version_key: int, epoch: int, bundle: str) -> Commit:
        """Draws a salt that binds the bundle of this name, writes it down, sends the commit.

        One of this epoch that exists is kept. Raises ``SecondValidator``.
        """
        self.recover(epoch)
        same = [kept for kept in self.book.commits if kept.epoch == epoch]
        if same:
            return same[0]
        drafted = self._draft(vector, version_key, epoch, bundle)
        self.book.put(drafted)
        made = self._send(drafted)
        self._refuse_company(epoch)  # both may have looked before either was there
        return made

    def reveal(self, epoch: int, reveal_period: int) -> list[Commit]:
        """Reveals what is due in this epoch, drops what has expired; returns what was revealed."""
        revealed = []
        for commit in list(self.book.commits):
            window = reveal_window(commit.epoch, commit.reveal_period or reveal_period, epoch)
            if window is RevealWindow.OPEN and commit.on_chain:
                if self._on_chain(commit):  # else an earlier life revealed it and died before it noted so
                    self._send_reveal(commit)
                    revealed.append(commit)
                self._disclose(commit)
                self.book.drop(commit)
            elif window is RevealWindow.EXPIRED:
                self.book.drop(commit)
        return revealed

    def recover(self, epoch: int) -> None:
        """Settles what is unclear since an earlier life or a broken link: asks the chain, sends again, or
        gives up. Afterwards every commit in the book is on the chain. Raises ``SecondValidator``."""
        if self.book.commits:  # a commit or a reveal of then may still be on its way
            self._wait_until_pool_is_empty()
        for commit in [commit for commit in self.book.commits if not commit.on_chain]:
            found = self._on_chain(commit)
            if found is not None:
                self.book.put(found)
            elif commit.epoch == epoch:
                self._send(commit)
            else:
                self.book.drop(commit)
        self._refuse_company(epoch)

    def _refuse_company(self, epoch: int) -> None:
        """Raises ``SecondValidator`` where a commit of this epoch is on the chain that is not in the book."""
        ours = {commit.commit_hash for commit in self.book.commits}
        for kept in self._chain.weight_commits(self._netuid, self._pair.address):
            if kept.epoch == epoch and kept.commit_hash.hex() not in ours:
                raise SecondValidator(
                    f"another validator works with this hotkey: in block {kept.block} it committed for epoch "
                    f"{epoch} of subnet {self._netuid}",
                    f"stop one of the two; if this one's files were lost, start it in epoch {epoch + 1}",
                )

    def _disclose(self, commit: Commit) -> None:
        """Writes down, beside the bundle, what shows that the revealed weights were bound to it."""
        if not commit.secret:
            return
        proof = Proof(
            self._netuid,
            str(self._pair.address),
            commit.epoch,
            commit.block,
            commit.commit_hash,
            commit.uids,
            commit.values,
            commit.version_key,
            commit.secret,
            commit.bundle,
        )
        path = proof_path(self._archive.path(commit.bundle))
        self._archive.write(path, json.dumps(proof.fields(), sort_keys=True).encode())

    def _draft(self, vector: WeightVector, version_key: int, epoch: int, bundle: str) -> Commit:
        secret = secrets.token_bytes(SECRET_BYTES)
        salt = bound_salt(secret, bundle)
        digest = commit_hash(
            self._pair.public, self._netuid, vector.uids, vector.values, salt, version_key
        ).hex()
        return Commit(
            epoch,
            vector.uids,
            vector.values,
            salt,
            version_key,
            digest,
            secret=secret.hex(),
            bundle=bundle,
        )

    def _send(self, commit: Commit) -> Commit:
        try:
            commit_weights(self._chain, self._netuid, self._pair, bytes.fromhex(commit.commit_hash))
        except MeritnetError:
            # It may be in a block all the same, when the link broke or the deadline passed.
            if self._on_chain(commit) is None:
                raise
        found = self._on_chain(commit)
        if found is None:
            raise MeritnetError("the commit was included, but the chain does not keep it")
        self.book.put(found)
        return found

    def _send_reveal(self, commit: Commit) -> None:
        reveal_weights(
            self._chain, self._netuid, self._pair, commit.uids, commit.values, commit.salt, commit.version_key
        )

    def _on_chain(self, commit: Commit) -> Commit | None:
        """A commit as the chain keeps it until it is revealed, if it does."""
        for kept in self._chain.weight_commits(self._netuid, self._pair.address):
            if kept.commit_hash.hex() == commit.commit_hash:
                return replace(
                    commit,
                    on_chain=True,
                    epoch=kept.epoch,
                    reveal_period=kept.reveal_period,
                    block=int(kept.block),
                )
        return None

    def _wait_until_pool_is_empty(self) -> None:
        """Waits while the pool holds a transaction of this hotkey: sent again, it would count twice."""
        wait_for(lambda: not self._has_pending(), PENDING_WAIT_S, self._chain)

    def _has_pending(self) -> bool:
        key = item_prefix("System", "Account") + blake2_128_concat(self._pair.public)
        account = self._chain.storage(key)
        included = 0 if account is None else int.from_bytes(account[:4], "little")
        return self._chain.nonce(self._pair.address) != included


def wait_for(holds: Callable[[], bool], timeout_s: float, chain: Chain) -> None:
    """Blocks until something holds, looking again at each new block. Raises ``DeadlineExceeded``."""
    deadline = time.monotonic() + timeout_s
    with chain.follow() as heads:
        while not holds():
            if not heads.wait(deadline - time.monotonic()):
                raise DeadlineExceeded(
                    f"an earlier transaction is still waiting after {timeout_s:g} s",
                    "is the chain sealing blocks? `meritnet chain status` tells",
                )


def _parsed(fields: dict[str, Any]) -> Commit:
    lists = {name: tuple(fields[name]) for name in ("uids", "values", "salt")}
    return Commit(**{**fields, **lists})
