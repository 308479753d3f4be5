"""The Flight front for networks: the wire format of Flight by grpcio, before the same methods."""
