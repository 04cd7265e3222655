"""One function for each outage: it begins, lasts, and has ended when the function returns."""

import signal
import time
from random import Random

from chaos.localnet import Localnet
from chaos.proxy import FAIR, Weather
from chaos.schedule import VALIDATORS, Fault


def kill(net: Localnet, fault: Fault) -> None:
    """``kill -9``; a service manager starts the process again after a while."""
    service = net.services[fault.victim]
    service.kill()
    time.sleep(fault.length_s)
    service.start()
    if fault.victim == "chain":
        service.wait_until_ready()


def stop(net: Localnet, fault: Fault) -> None:
    """SIGSTOP to SIGCONT: the process hears nothing and says nothing, and nobody is told."""
    service = net.services[fault.victim]
    service.send(signal.SIGSTOP)
    time.sleep(fault.length_s)
    service.send(signal.SIGCONT)


def clock_skew(net: Localnet, fault: Fault) -> None:
    """The wall clock jumps, and jumps back. A validator says that its clock is off before that."""
    service = net.services[fault.victim]
    said = len(service.lines())
    service.set_clock(fault.skew_s)
    time.sleep(fault.length_s)
    if fault.victim in VALIDATORS:
        service.wait_for(lambda line: "clock is off" in line.get("message", ""), said)
    service.set_clock(0)


def slow_link(net: Localnet, fault: Fault) -> None:
    """Every piece takes long, and few bytes come through."""
    dice = Random(fault.seed)
    _weather(net, fault, Weather(delay_s=dice.uniform(0.1, 0.4), bytes_per_s=dice.uniform(20e3, 100e3)))


def dropped_connections(net: Localnet, fault: Fault) -> None:
    """All connections are reset, and the new ones too, again and again."""
    _weather(net, fault, Weather(drops_every_s=Random(fault.seed).uniform(0.1, 0.8)))


def dead_link(net: Localnet, fault: Fault) -> None:
    """What is sent is swallowed, and the connections stay open: they are lost without anybody being told."""
    _weather(net, fault, Weather(swallows=True))


def _weather(net: Localnet, fault: Fault, weather: Weather) -> None:
    link = net.link_of[fault.victim]
    net.links.change(link, weather)
    time.sleep(fault.length_s)
    net.links.change(link, FAIR)


OUTAGES = {
    "kill": kill,
    "stop": stop,
    "clock skew": clock_skew,
    "slow link": slow_link,
    "dropped connections": dropped_connections,
    "dead link": dead_link,
}
