"""The page about the RPC methods, made from their table: ``python -m meritnet.chain.rpc.reference``."""

import inspect

from meritnet.chain.rpc.methods import TABLE, Method

HEAD = """# JSON-RPC methods

Made from the table in `chain/rpc/methods.py` by `python -m meritnet.chain.rpc.reference`; a test holds it
fresh.

One port (9944) answers HTTP POST on `/` and WebSocket; `GET /health` tells the head. Up to 100 requests may
come in a batch. Bytes go out as hex with `0x` and may come in without it; block numbers may be written as
integers or as hex; an absent or null block hash means the head. Errors carry the codes of a Substrate node:
1010 invalid transaction, 1012 banned, 1013 already imported, 1014 priority too low, 4003 for a runtime call
that failed or a block that is not on the chain.

Not there: `closestDescendantMerkleValue` in storage queries, `archive_v1_storageDiff`, `grandpa_*`,
`offchain_*`, and the insertion of keys.
"""

DEV = """
## Development

Only on a node started with `--dev-rpc`, only over loopback, and not for web pages from elsewhere.
"""


def reference() -> str:
    """The whole page."""
    groups: dict[str, list[Method]] = {}
    for method in TABLE:
        groups.setdefault(method.name.partition("_")[0], []).append(method)
    parts = [HEAD]
    for group, methods in groups.items():
        parts.append(DEV if group == "dev" else f"\n## {group}\n")
        parts.append("\n| method | parameters | what it does | also called |\n|---|---|---|---|\n")
        parts += [_row(method) for method in methods]
    return "".join(parts)


def _row(method: Method) -> str:
    parameters = list(inspect.signature(method.run).parameters.values())[1:]
    shown = [
        _camel(each.name) + ("?" if each.default is None else "") for each in parameters if _is_told(each)
    ]
    told = (inspect.getdoc(method.run) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
    aliases = ", ".join(f"`{alias}`" for alias in method.aliases)
    return f"| `{method.name}` | {', '.join(shown)} | {told} | {aliases} |\n"


def _is_told(parameter: inspect.Parameter) -> bool:
    return parameter.kind is not inspect.Parameter.VAR_KEYWORD


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


if __name__ == "__main__":
    print(reference(), end="")
