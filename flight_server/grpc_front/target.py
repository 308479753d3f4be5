"""An address of Flight as gRPC names it."""

from urllib.parse import unquote, urlsplit


def target_of(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme == "grpc+unix":
        return f"unix:{unquote(parts.path)}"
    return parts.netloc
