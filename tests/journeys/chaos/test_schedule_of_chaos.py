"""A seed is a whole story: the same one each time, with everything in it."""

from chaos.schedule import OUTAGES, TRAFFIC, schedule


def test_a_seed_gives_the_same_faults_and_another_one_others() -> None:
    assert schedule(7) == schedule(7)
    assert schedule(7) != schedule(8)


def test_every_run_has_every_kind_and_only_fitting_victims() -> None:
    fitting = [(kind, victim) for kind, victims in OUTAGES for victim in victims]
    for seed in range(50):
        faults = schedule(seed)
        kinds = sorted(fault.kind for fault in faults)
        assert kinds == sorted([kind for kind, _ in OUTAGES] + list(TRAFFIC))
        outages = [fault for fault in faults if fault.length_s]
        assert all((fault.kind, fault.victim) in fitting for fault in outages)
        assert all(bool(fault.skew_s) == (fault.kind == "clock skew") for fault in faults)


def test_many_seeds_meet_every_victim() -> None:
    met = {(fault.kind, fault.victim) for seed in range(200) for fault in schedule(seed) if fault.length_s}
    assert met == {(kind, victim) for kind, victims in OUTAGES for victim in victims}
