"""Doubles that speak the carrier's real protocol from the other side, for demos, benchmarks and your own tests."""

from parley.simulation.call import Ringing
from parley.simulation.carrier import SimulatedCarrier
from parley.simulation.exchange import Exchange
from parley.simulation.phone import SimulatedPhone

__all__ = ["Exchange", "Ringing", "SimulatedCarrier", "SimulatedPhone"]
