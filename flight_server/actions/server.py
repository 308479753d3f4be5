"""Actions on the server itself."""

import os
from typing import Any

import pyarrow as pa

from velaria import _kernel
from velaria.flight_server.actions.registry import ACTIONS, action
from velaria.flight_server.calls import Call
from velaria.flight_server.identity.permissions import may_know_files
from velaria.flight_server.service import Service
from velaria.schemas.base import Empty
from velaria.schemas.server import (
    ServerDrain,
    ServerDrainReply,
    ServerHealthReply,
    ServerInfoReply,
    ServerMetricsReply,
    ServerReloadReply,
    ServerSettingsReply,
)


@action("server.info")
def info(service: Service, call: Call, command: Empty) -> ServerInfoReply:
    """Version, address, kernel and the names of all actions."""
    return ServerInfoReply(
        version=_kernel.__version__,
        kernel=_kernel.__version__,
        simd_backend=_kernel.simd_backend(),
        actions=sorted(ACTIONS),
        flight=service.flight_uris,
        data_dir=str(service.data_dir) if may_know_files(call) else None,
        durable=service.is_durable,
        pid=os.getpid(),
        pyarrow=pa.__version__,
        host_token_file=service.shared.token_file,
        message_bytes_max=service.options.get("grpc.message_bytes_max"),
    )


@action("server.health")
def health(service: Service, call: Call, command: Empty) -> ServerHealthReply:
    """serving, degraded, draining or down, and what each part says."""
    report = service.health.report()
    parts = {name: part.state for name, part in report.parts.items()}
    return ServerHealthReply(state=report.state, parts=parts, reasons=report.reasons())


@action("server.metrics")
def metrics(service: Service, call: Call, command: Empty) -> ServerMetricsReply:
    """Counters since the start, and gauges."""
    return ServerMetricsReply(metrics=service.metrics.read())


@action("server.settings")
def settings(service: Service, call: Call, command: Empty) -> ServerSettingsReply:
    """The kernel's settings and what the server was started with."""
    shown: dict[str, Any] = dict(service.session.settings())
    own = service.options.shown(with_files=may_know_files(call))
    shown.update(own)
    sources = {name: service.options.source_kind(name) for name in own}
    return ServerSettingsReply(settings=shown, sources=sources)


@action("server.reload")
def reload(service: Service, call: Call, command: Empty) -> ServerReloadReply:
    """Read configuration file and environment again, as SIGHUP does."""
    changed = service.options.reload()
    return ServerReloadReply(changed=changed, need_restart=service.options.waiting_for_restart)


@action("server.drain")
def drain(service: Service, call: Call, command: ServerDrain) -> ServerDrainReply:
    """Take no new work and end the process, as SIGTERM does."""
    service.request_drain(command.wait_ms / 1000)
    return ServerDrainReply(state="draining", running=len(service.queries.running()))
