"""Both ends of the wire: the Flight server, its side port, the client and the command line."""
