"""Until when a certificate is good: read from its bytes, for Python's library tells it only of a
connection's peer (X.509, RFC 5280 section 4.1; DER, X.690)."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

DAYS_WANTED = 30
"""Of a certificate that is good for less, somebody is told."""

_END_OF_PEM = "-----END CERTIFICATE-----"
_VERSION_TAG, _UTC_TIME_TAG = 0xA0, 0x17


def good_until(pem: Path) -> datetime:
    """The end of the first certificate in the file. OSError, or ValueError for what is none."""
    text = pem.read_text("ascii")
    der = ssl.PEM_cert_to_DER_cert(text[: text.find(_END_OF_PEM) + len(_END_OF_PEM)].strip())
    try:
        (certificate,) = _parts(der)
        to_be_signed = next(_parts(certificate[1]))
        fields = list(_parts(to_be_signed[1]))
        if fields[0][0] == _VERSION_TAG:
            fields.pop(0)
        _serial, _algorithm, _issuer, validity = fields[:4]
        _begin, (tag, value) = _parts(validity[1])
    except (IndexError, StopIteration) as fault:
        raise ValueError("not a certificate") from fault
    # A year of two digits is of 1950 to 2049.
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME_TAG else "%Y%m%d%H%M%SZ"
    return datetime.strptime(value.decode("ascii"), form).replace(tzinfo=UTC)


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element; lengths of up to four bytes. IndexError when it is cut."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            byte_count = length & 0x7F
            if not 1 <= byte_count <= 4:
                raise IndexError("a length of no known form")
            length = int.from_bytes(der[at : at + byte_count], "big")
            at += byte_count
        if at + length > len(der):
            raise IndexError("an element ends after its end")
        yield tag, der[at : at + length]
        at += length
