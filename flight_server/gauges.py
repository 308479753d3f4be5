"""Ties the gauges of the metrics' table to what they measure."""

from typing import TYPE_CHECKING

import pyarrow as pa

from velaria.flight_server import machine

if TYPE_CHECKING:
    from velaria.flight_server.service import Service


def watch_gauges(service: "Service") -> None:
    """Called once, when the service's books are there."""
    watch = service.metrics.watch
    watch("calls_active", service.watcher.count)
    for name, read in service.limits.gauges().items():
        watch(name, read)
    watch("sessions_open", service.sessions.count)
    watch("queries_running", lambda: len(service.queries.running()))
    watch("transactions_open", service.transactions.held.count)
    watch("prepared_statements_open", service.prepared.held.count)
    watch("tables_bytes", lambda: sum(table.byte_count for table in service.session.tables()))
    watch("arrow_allocated_bytes", pa.total_allocated_bytes)
    watch("memory_cap_bytes", lambda: service.limits.memory.cap)
    watch("process_threads", machine.thread_count)
    watch("process_open_files", machine.open_file_count)
    watch("process_cpu_seconds_total", machine.cpu_seconds)
    watch("process_start_time_seconds", machine.start_unix_s)
    watch("data_dir_free_bytes", lambda: machine.free_disk_bytes(service.data_dir))
    watch("run_history_up", lambda: service.ledger.health() == "ok")
    service.metrics.before_reading(lambda: _read_ledger(service))
    service.metrics.before_reading(lambda: _read_health(service))


def _read_ledger(service: "Service") -> None:
    counts = service.ledger.statistics()
    lost = ("dropped_sample_count", "refused_record_count", "lost_record_count")
    service.metrics.set("run_history_queued", counts["queued_record_count"])
    service.metrics.set("run_history_lost_total", sum(counts[name] for name in lost))


def _read_health(service: "Service") -> None:
    now = service.health.report().state
    for state in service.health.STATES:
        service.metrics.set("health", state == now, state=state)
