"""Runs in the public SDK's own environment: a JSON request a line in, a JSON answer a line out.

One process and one connection serve a whole test module, so the SDK is imported once. Nothing of
Meritnet is imported here: what this file can do, a stranger with `pip install bittensor` can do.
"""

import dataclasses
import json
import sys
from datetime import datetime
from types import SimpleNamespace

import bittensor
from bittensor.intents import REGISTRY
from bittensor_core import Keypair


def plain(value):
    """JSON for any answer of the SDK; a balance becomes its rao."""
    if isinstance(value, bittensor.Balance):
        return value.rao
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def wallet(coldkey_uri, hotkey_uri):
    """The shape that the SDK calls a wallet, from two secret URIs."""
    coldkey, hotkey = Keypair.create_from_uri(coldkey_uri), Keypair.create_from_uri(hotkey_uri)
    return SimpleNamespace(coldkey=coldkey, coldkeypub=coldkey, hotkey=hotkey, hotkeypub=hotkey)


def outcome(result):
    return {
        "success": result.success,
        "message": result.message,
        "error": result.error.name if result.error else None,
        "block_hash": result.block_hash,
        "fee_rao": result.fee.rao if result.fee is not None else None,
        "data": plain(result.data),
    }


class Driver:
    """The requests that a test may make; each method's name is a request's name."""

    def __init__(self, endpoint):
        self.client = bittensor.SyncClient(endpoint, fallback_endpoints=[], archive_endpoints=[])

    def about(self):
        return {
            "version": bittensor.__version__,
            "spec_version": self.client.spec_version,
            "block_time_s": self.client.block_time(),
            "head": self.client.block,
            "finalized": self.client.finalized_block,
        }

    def read(self, name, params):
        return plain(self.client.read(name, **params))

    def metagraph(self, netuid):
        return plain(self.client.subnets.metagraph(netuid, commitments=False))

    def unread(self, values):
        """How many reads the SDK knows and which of them fail, how; parameters come from `values` by name."""
        catalogue, failed = self.client.reads(), {}
        for entry in catalogue:
            params = {name: values[name] for name in entry["params"]}
            try:
                self.client.read(entry["name"], **params)
            except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the finding
                failed[entry["name"]] = f"{type(error).__name__}: {error}"
        return {"known": len(catalogue), "failed": failed}

    def uncallable(self):
        """The operations of the SDK's catalogue for which the chain has none of the calls."""
        connection = self.client._client._substrate.raw  # the metadata has no public door
        metadata = self.client._call(connection.metadata_ir())
        known = {(pallet.name, call.name) for pallet in metadata.pallets for call in pallet.calls}
        return sorted(op for op, intent in REGISTRY.items() if not known & set(intent.wraps))

    def execute(self, op, args, coldkey, hotkey):
        """An intent by its name, as `client.execute` runs it: planned, signed, finalised."""
        return outcome(self.client.execute_tool(op, args, wallet(coldkey, hotkey)))

    def submit_call(self, pallet, call, args, coldkey, hotkey, signer="coldkey"):
        """A call without an intent around it (`client.submit_call`)."""
        composed = getattr(getattr(bittensor.calls, pallet), call)(**args)
        return outcome(self.client.submit_call(composed, wallet(coldkey, hotkey), signer=signer))

    def create_wallet(self, path, name, hotkey, password):
        """A new wallet on disk, its coldkey encrypted; answers both addresses."""
        made = bittensor.Wallet(name, hotkey, path)
        made.create_new_coldkey(suppress=True, coldkey_password=password)
        made.create_new_hotkey(suppress=True)
        return {"coldkey": made.coldkeypub.ss58_address, "hotkey": made.hotkey.ss58_address}

    def open_wallet(self, path, name, hotkey, password, message):
        """Addresses of a wallet on disk, and what its two keys sign over `message`."""
        opened = bittensor.Wallet(name, hotkey, path)
        coldkey = opened.get_coldkey(password)
        return {
            "coldkeypub": opened.coldkeypub.ss58_address,
            "coldkey": coldkey.ss58_address,
            "hotkey": opened.hotkey.ss58_address,
            "coldkey_signature": bytes(coldkey.sign(message.encode())).hex(),
            "hotkey_signature": bytes(opened.hotkey.sign(message.encode())).hex(),
        }


def main():
    driver = Driver(sys.argv[1])
    print(json.dumps({"result": "ready"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(driver, request["method"])(**request["params"])}
        except Exception as error:  # noqa: BLE001 - the edge of this process: the test reads the error
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
