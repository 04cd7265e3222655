"""What a finished run of a local network says, for people and as one JSON object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meritnet.localnet.ledger import Ledger
from meritnet.localnet.network import Site
from meritnet.localnet.view import Board, Row
from meritnet.validator.events import Paid


@dataclass(frozen=True)
class Summary:
    """The figures of a run; `loss_gain_nats` maps a netuid and a miner's uid to the gain of its adapter."""

    ledger: Ledger
    sites: Sequence[Site]
    boards: Mapping[int, Board]
    payments: Sequence[Paid]
    names: Mapping[str, str]
    loss_gain_nats: Mapping[tuple[int, int], float]

    def as_json(self) -> dict[str, object]:
        """Return the object that `meritnet up --json` prints."""
        return {
            "emission_due_rao": self.ledger.total_due_rao,
            "emission_paid_rao": self.ledger.total_paid_rao,
            "subnets": [self._subnet(site) for site in self.sites],
            "predictions": [self._prediction(paid) for paid in self.payments],
        }

    def lines(self) -> list[str]:
        """Return the summary as a person reads it."""
        due, paid = self.ledger.total_due_rao, self.ledger.total_paid_rao
        right = sum(paid.agrees for paid in self.payments)
        verdict = "exactly" if due == paid else f"{due - paid} rao apart"
        return [
            f"emission due {due} rao, paid {paid} rao: {verdict}",
            f"validators predicted {right} of {len(self.payments)} payouts to the rao",
            *(self._line(site, row) for site in self.sites for row in self._lazy_rows(site)),
        ]

    def _line(self, site: Site, row: Row) -> str:
        honest = [other.incentive for other in self._miners(site) if not other.lazy]
        least = min(honest, default=0.0)
        return (
            f"subnet {site.netuid} {site.subnet.kind}: the lazy miner's incentive is {row.incentive:.3f}, "
            f"the least of an honest one {least:.3f} ({row.why})"
        )

    def _miners(self, site: Site) -> list[Row]:
        return [row for row in self.boards[site.netuid].rows.values() if row.role == "miner"]

    def _lazy_rows(self, site: Site) -> list[Row]:
        return [row for row in self._miners(site) if row.lazy]

    def _subnet(self, site: Site) -> dict[str, object]:
        rows = sorted(self.boards[site.netuid].rows.values(), key=lambda row: row.uid)
        return {
            "netuid": site.netuid,
            "kind": site.subnet.kind,
            "neurons": [self._neuron(site.netuid, row) for row in rows],
        }

    def _neuron(self, netuid: int, row: Row) -> dict[str, object]:
        neuron: dict[str, object] = {
            "uid": row.uid,
            "name": row.name,
            "role": row.role,
            "lazy": row.lazy,
            "score": row.score,
            "incentive": row.incentive,
            "dividends": row.dividends,
            "emission_rao": row.emission_rao,
            "why": row.why,
        }
        gain = self.loss_gain_nats.get((netuid, row.uid))
        return neuron if gain is None else neuron | {"loss_gain_nats": gain}

    def _prediction(self, paid: Paid) -> dict[str, object]:
        return {
            "validator": self.names.get(paid.validator, paid.validator),
            "hotkey": paid.validator,
            "netuid": paid.netuid,
            "epoch": paid.epoch,
            "predicted_rao": paid.predicted_rao,
            "paid_rao": paid.paid_rao,
        }
