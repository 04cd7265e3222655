"""API keys: read from a private file only, compared whole, never shown."""

from pathlib import Path

import pytest

from meritnet.chain.errors import UsageError
from meritnet.miner.clients import Clients, read_clients

KEY, OTHER = "k" * 16, "0123456789abcdef"


def write(directory: Path, text: str, mode: int = 0o600) -> Path:
    path = directory / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_client_is_known_by_its_key_alone(tmp_path: Path) -> None:
    clients = read_clients(write(tmp_path, f"# mine\n\nalice:{KEY}\n bob : {OTHER} \n"))
    assert clients.name_of(f"Bearer {KEY}") == "alice"
    assert clients.name_of(f"bearer   {OTHER}") == "bob"
    for wrong in ("", KEY, f"Basic {KEY}", f"Bearer {KEY[:-1]}", f"Bearer {KEY}é", "Bearer \udcff", "Bearer"):
        assert clients.name_of(wrong) is None


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (f"alice:{KEY}\n", 0o640, "is open to other users (mode 0640)"),
        (f"alice:{KEY}\n", 0o604, "is open to other users (mode 0604)"),
        (f"alice {KEY}\n", 0o600, "line 1 of"),
        (f"\nal ice:{KEY}\n", 0o600, "line 2 of"),
        ("alice:short\n", 0o600, "the key of alice"),
        (f"alice:{KEY} {KEY}\n", 0o600, "the key of alice"),
        (f"alice:{KEY}\nalice:{OTHER}\n", 0o600, "line 2 of"),
        (f"alice:{KEY}\nbob:{KEY}\n", 0o600, "repeats a name or a key"),
        ("# nobody yet\n", 0o600, "holds no API key"),
    ],
)
def test_a_file_that_will_not_do_is_one_line_without_a_key(
    tmp_path: Path, text: str, mode: int, says: str
) -> None:
    with pytest.raises(UsageError) as error:
        read_clients(write(tmp_path, text, mode))
    assert says in str(error.value)
    assert error.value.hint
    assert KEY not in f"{error.value} {error.value.hint}"
    assert "short" not in str(error.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read from .*: No such file"):
        read_clients(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "binary").chmod(0o600)
    with pytest.raises(UsageError, match="it is no UTF-8"):
        read_clients(tmp_path / "binary")


def test_no_key_is_kept_or_shown() -> None:
    clients = Clients({"alice": KEY})
    assert repr(clients) == "Clients(alice)"
    assert KEY not in repr(vars(clients))
