"""Addresses of Flight as users write them, for both ends."""

from urllib.parse import urlsplit

DEFAULT_PORT = 31337
DEFAULT_URI = f"grpc://127.0.0.1:{DEFAULT_PORT}"

TLS_SCHEME = "grpc+tls"
TCP_SCHEMES = ("grpc", "grpc+tcp", TLS_SCHEME)


def with_port(uri: str) -> str:
    """The address with Velaria's port where it names none, for which gRPC would take 443."""
    try:
        parts = urlsplit(uri)
        is_without = parts.scheme in TCP_SCHEMES and parts.port is None
    except ValueError:
        return uri  # what is wrong with it is told by who opens it
    if not is_without or not parts.hostname:
        return uri
    return parts._replace(netloc=f"{parts.netloc.rstrip(':')}:{DEFAULT_PORT}").geturl()
