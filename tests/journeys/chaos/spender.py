"""An account that sends transfers all the time, one after the other, and keeps what it was told of each."""

import threading
from collections import Counter
from typing import Self

from meritnet.chain.client import Chain
from meritnet.chain.client.stake import transfer
from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import KeyPair

AMOUNT_RAO = 10**6
PAUSE_S = 0.5


class Spender:
    """Use as a context manager: it spends inside."""

    def __init__(self, endpoint: str, account: KeyPair, receiver: str) -> None:
        self.account = account
        self.acknowledged: list[str] = []
        """Hashes of extrinsics of which a receipt came."""
        self.failures: Counter[str] = Counter()
        self._chain = Chain.connect(endpoint)
        self._receiver = receiver
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spender", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(90)
        self._chain.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                receipt = transfer(self._chain, self.account, self._receiver, AMOUNT_RAO)
                self.acknowledged.append(receipt.extrinsic_hash)
            except MeritnetError as error:
                self.failures[type(error).__name__] += 1
                self._stopping.wait(PAUSE_S)  # the chain is not there just now
