"""What a subnet is: the words that a kind, a miner's server and a validator's loop share.

A kind is a folder with a `Subnet`. Its `MinerRole` answers requests, its `ValidatorRole` asks them and scores
the answers; both see bytes only, so the network (signatures, limits, retries) stays outside. Nothing here
imports torch.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from meritnet.chain.errors import MeritnetError

if TYPE_CHECKING:
    from meritnet.subnets.artifacts import ArtifactStore
    from meritnet.subnets.models.engine import Engine

MAX_SCORE = 1.0


class InvalidRequest(MeritnetError):
    """A miner's handler refuses a request; the server answers 400 with this one line."""


class InvalidAnswer(MeritnetError):
    """A validator cannot accept an answer at all; the miner scores 0 and this one line says why."""


@dataclass(frozen=True)
class Task:
    """One request from a validator to one miner."""

    path: str
    """Route at the miner, such as ``/text_generation``."""
    body: bytes
    deadline_s: float
    """The answer must be complete this long after the request was sent."""
    max_answer_bytes: int


@dataclass(frozen=True)
class Answer:
    """What a miner sent back in time."""

    body: bytes
    elapsed_s: float


@dataclass(frozen=True)
class ArtifactRef:
    """A file that the miner offers and the validator needs before it can score."""

    content_id: str
    """Lower-case hex SHA-256 of the whole content."""
    max_bytes: int
    """A fetch stops, and fails, beyond this size."""


@dataclass(frozen=True)
class Score:
    """A validator's judgement of one answer."""

    value: float
    """From 0 (worthless) to 1 (all that was asked)."""
    why: str
    """One line that a person reads, such as ``32 of 32 tokens replay``."""
    evidence: Mapping[str, object] = field(default_factory=dict)
    """The figures behind the value, as JSON values."""

    def __post_init__(self) -> None:
        """Refuse a value outside the unit interval (NaN too)."""
        if not 0.0 <= self.value <= MAX_SCORE:
            raise ValueError(f"a score lies between 0 and {MAX_SCORE:g}, not {self.value}")


@dataclass(frozen=True)
class Progress:
    """How far a long piece of work has come; one bar in a terminal."""

    stage: str
    """What is being done, such as ``train`` or ``download``."""
    done: float
    total: float | None = None
    unit: str = ""
    note: str = ""
    """The figure of the moment, such as ``loss 2.61``."""


Report = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Report progress to nobody."""


EngineSource = Callable[[], "Engine"]
"""Gives the loaded model, loading it at the first call; blocks, so call it in a thread."""


@dataclass(frozen=True)
class MinerContext:
    """What a miner's role may use."""

    engine: EngineSource
    data_dir: Path
    """The role's own directory; it survives restarts."""
    hotkey: str
    """SS58 address of this miner."""
    lazy: bool = False
    """Cheat on purpose, so that people can watch the validators catch it."""
    report: Report = ignore


@dataclass(frozen=True)
class ValidatorContext:
    """What a validator's role may use."""

    engine: EngineSource
    data_dir: Path
    hotkey: str
    """SS58 address of this validator."""
    report: Report = ignore


@dataclass(frozen=True)
class Route:
    """One POST path of a miner. The handler gets a verified caller's body; `InvalidRequest` becomes a 400."""

    handler: Callable[[bytes], Awaitable[bytes]]
    max_request_bytes: int


@dataclass(frozen=True)
class ChatReply:
    """An HTTP answer in OpenAI's shape: either one JSON body or a stream of server-sent events."""

    status: int
    content_type: str
    body: bytes = b""
    events: AsyncIterator[bytes] | None = None
    """Framed events (``data: …`` with the blank line); closing the iterator stops the generation."""


class ChatBackend(Protocol):
    """OpenAI-compatible chat, served under ``/v1`` beside the subnet's own routes."""

    max_request_bytes: int

    async def models(self) -> ChatReply:
        """Answer ``GET /v1/models``."""
        ...

    async def complete(self, body: bytes) -> ChatReply:
        """Answer ``POST /v1/chat/completions``; refusals are replies with a 4xx status, never exceptions."""
        ...

    async def complete_text(self, body: bytes) -> ChatReply:
        """Answer ``POST /v1/completions``, likewise."""
        ...


class MinerRole(Protocol):
    """The serving side of a subnet."""

    @property
    def routes(self) -> Mapping[str, Route]:
        """Path to route."""
        ...

    @property
    def artifacts(self) -> "ArtifactStore | None":
        """Files that the server hands out by content id."""
        ...

    @property
    def chat(self) -> ChatBackend | None:
        """The chat that people use, if the kind has one."""
        ...

    async def start(self) -> None:
        """Do what must be done before requests can be answered, such as training; returns when they can."""
        ...

    async def stop(self) -> None:
        """End background work; the role is not used afterwards."""
        ...


class ValidatorRole(Protocol):
    """The asking side of a subnet. All it draws comes from `seed`, so that anyone can repeat a step."""

    def task(self, seed: bytes, uid: int) -> Task:
        """Draw the request for the miner `uid` in the step of `seed` (32 bytes, from a block hash)."""
        ...

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        """Name the files to fetch from the miner before `score`. Raises InvalidAnswer."""
        ...

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        """Judge an answer; `artifacts` maps a content id to a verified file. Raises InvalidAnswer."""
        ...


PastStep = Sequence[tuple[Task, Mapping[str, object]]]
"""A step that counted: what each miner was asked, and the evidence of its score, empty where nothing came."""


@runtime_checkable
class Remembers(Protocol):
    """What a validator's role has besides, if it judges by earlier steps.

    Its tasks state whatever it remembers, so that a task and an answer still fix the score; and what it
    remembers follows from the receipts of the steps before, so that anybody who has those draws the same
    tasks.
    """

    @property
    def recalled_steps(self) -> int:
        """So many steps before the next one are enough to remember all that counts."""
        ...

    def recall(self, step: PastStep) -> None:
        """Take in a step that counted, in the order of time. Raises ValueError for values that are none."""
        ...

    def unremembered(self, task: Task) -> Task:
        """Give a task as it would be drawn if there were nothing to remember. Raises InvalidRequest."""
        ...


class Subnet(Protocol):
    """A kind of subnet: both roles, and the hyperparameters that its owner should set."""

    kind: str
    summary: str
    """One line for lists."""
    hyperparameters: Mapping[str, int | bool]

    def miner(self, context: MinerContext) -> MinerRole:
        """Make the serving side; cheap, the work is in its `start`."""
        ...

    def validator(self, context: ValidatorContext) -> ValidatorRole:
        """Make the asking side; cheap."""
        ...
