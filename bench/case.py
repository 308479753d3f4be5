"""What a job hands back: cases, each with timings, findings against their limits, and notes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.measure import VELARIA, Timing, best_peer, named


@dataclass(frozen=True)
class Finding:
    """One figure; `limit` is what it may be at most or must be at least, None when only told."""

    label: str
    value: float
    unit: str = ""
    limit: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def words(self) -> str:
        text = f"{self.label} {number(self.value)}{self.unit}"
        if self.limit is None:
            return text
        sign = ">=" if self.at_least else "<="
        verdict = "holds" if self.holds else "MISSED"
        return f"{text} ({sign} {number(self.limit)}{self.unit}: {verdict})"


@dataclass
class Case:
    """One line of a job. `operators` is where Velaria's last run spent its time."""

    name: str
    size: str
    timings: list[Timing] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    operators: list[dict[str, Any]] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """The case as JSON has it."""
        return {
            "name": self.name,
            "size": self.size,
            "timings": [
                {
                    **asdict(timing),
                    "median_wall_s": timing.median_wall_s,
                    "median_cpu_s": timing.median_cpu_s,
                }
                for timing in self.timings
            ],
            "findings": [{**asdict(finding), "holds": finding.holds} for finding in self.findings],
            "operators": self.operators,
        }


def peer_ratios(
    timings: Sequence[Timing], limit: float | None, against: str | None = None
) -> list[Finding]:
    """Velaria's wall and CPU time over those of the peer `against`, else of the fastest peer;
    nothing when that peer is not installed."""
    peers = [timing for timing in timings if timing.name == against]
    peer = best_peer(timings) if against is None else next(iter(peers), None)
    if peer is None:
        return []
    ours = named(timings, VELARIA)
    wall = ours.median_wall_s / peer.median_wall_s
    findings = [Finding(f"wall / {peer.name}", wall, "x", limit)]
    if peer.median_cpu_s > 0:
        findings.append(Finding(f"CPU / {peer.name}", ours.median_cpu_s / peer.median_cpu_s, "x"))
    return findings


def number(value: float) -> str:
    """Three digits that say something: 0.0123, 1.23, 12.3, 1,230."""
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if magnitude < 10 else f"{value:.1f}"
