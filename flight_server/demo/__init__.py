"""`velaria demo`: a server's main features on a year of real flights, in six sections."""

from velaria.flight_server.demo.tour import main

__all__ = ["main"]
