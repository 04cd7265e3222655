"""What the chain has to say about a bundle: whether block, miners and commit were there as it tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from meritnet.chain.client.client import Chain
from meritnet.chain.errors import MeritnetError, TransportError
from meritnet.chain.types import BlockNumber
from meritnet.validator.archive import opened
from meritnet.validator.audit import Finding, Verdict, finding
from meritnet.validator.binding import proof_path, read_proof
from meritnet.validator.bundle import Bundle, StepBundle
from meritnet.validator.view import targets


def witness(chain: Chain, path: Path) -> list[Finding]:
    """Holds a bundle against the chain. What an old state is needed for and not kept is ``UNCHECKED``."""
    bundle = opened(path)
    checks: dict[str, Callable[[], str]] = {
        "chain": lambda: _blocks(chain, bundle),
        "neurons": lambda: _neurons(chain, bundle),
    }
    if not isinstance(bundle, StepBundle) and proof_path(path).exists():
        checks["commit on the chain"] = lambda: _committed(chain, path)
    return [_found(path.stem, about, check) for about, check in checks.items()]


def _found(name: str, about: str, check: Callable[[], str]) -> Finding:
    try:
        fault = check()
    except TransportError:
        raise
    except MeritnetError as error:
        return Finding(name, about, Verdict.UNCHECKED, str(error))
    return finding(name, about, not fault, fault)


def _blocks(chain: Chain, bundle: Bundle) -> str:
    if chain.block_hash(BlockNumber(0)) != bundle.origin.genesis:
        return "it is another chain"
    found = chain.block_hash(BlockNumber(bundle.block.number))
    return "" if found == bundle.block.hash else f"block {bundle.block.number} is {found}"


def _neurons(chain: Chain, bundle: Bundle) -> str:
    metagraph = chain.metagraph(bundle.origin.netuid, bundle.block.hash)
    if isinstance(bundle, StepBundle):
        there = tuple((one.uid, one.hotkey) for one in targets(metagraph, bundle.origin.validator))
        return "" if there == bundle.candidates else "others could have been drawn"
    return "" if tuple(map(str, metagraph.hotkeys)) == bundle.hotkeys else "the uids had other hotkeys"


def _committed(chain: Chain, path: Path) -> str:
    proof = read_proof(proof_path(path))
    assert proof is not None, "looked for before"
    at = chain.block_hash(BlockNumber(proof.block))
    kept = chain.weight_commits(proof.netuid, proof.validator, at)
    found = {(commit.commit_hash.hex(), int(commit.block)) for commit in kept}
    return "" if (proof.commit_hash, proof.block) in found else f"block {proof.block} took no such commit in"
