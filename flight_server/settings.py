"""The one table of the server's settings.

From a row come its key in the configuration file, its environment variable, its flag, its line in
`server.settings` and in the reference page. Who needs a value asks `Options.get(name)` at that
moment and keeps no copy, so that a reload is in force from the next asking on.
"""

from dataclasses import dataclass

from velaria.flight_server.addresses import DEFAULT_PORT, DEFAULT_URI
from velaria.schemas.base import STATEMENT_BYTES_MAX

SettingType = type[str] | type[int] | type[float] | type[bool] | type[list[str]]
Value = str | int | float | bool | list[str] | None

ENVIRONMENT_PREFIX = "VELARIA_"


@dataclass(frozen=True)
class Setting:
    """One row. `name` is SECTION.KEY; a unit, where there is one, stands last in the key.

    `type` is str, int, float, bool or list (of texts). A default of None means: not set.
    """

    name: str
    type: SettingType
    default: Value
    summary: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False
    """Taken over by a reload while the server runs; the others need a restart."""
    secret: bool = False
    """Shown as *** everywhere, but for the values in `open_values`."""
    open_values: tuple[str, ...] = ()
    names_files: bool = False
    """Tells where the server keeps its files, which of known callers only admins are told."""
    flag: str | None = None
    metavar: str | None = None

    @property
    def section(self) -> str:
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        return self.name.partition(".")[2]

    @property
    def variable(self) -> str:
        """The environment variable: VELARIA_LIMITS_QUEUE_WAIT_S for limits.queue_wait_s."""
        return ENVIRONMENT_PREFIX + self.name.replace(".", "_").upper()


def _bound(name: str, default: int, summary: str, maximum: int | None = None) -> Setting:
    """A row that says how much there may be of something, from 1 on."""
    return Setting(name, int, default, summary, minimum=1, maximum=maximum, live=True)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "server.listen",
        list,
        [DEFAULT_URI],
        "Addresses of the Flight listeners: grpc://HOST:PORT, grpc+tls://HOST:PORT or "
        f"grpc+unix://PATH; port 0 is any free one, and without :PORT it is {DEFAULT_PORT}.",
        flag="--listen",
        metavar="URI",
    ),
    Setting(
        "server.side",
        str,
        "127.0.0.1:0",
        "Address of the side port, with health and reflection by gRPC; empty for none.",
        flag="--side",
        metavar="HOST:PORT",
    ),
    Setting(
        "server.data_dir",
        str,
        "",
        "Folder of run history and sockets; empty for a private one that goes at the end.",
        flag="--data-dir",
        metavar="DIR",
        names_files=True,
    ),
    Setting(
        "server.allow_path",
        list,
        [],
        "Folders whose files SQL may read and write; without identity beside the working "
        "directory. Closed wherever they lie: data directory, configuration, certificates, keys.",
        flag="--allow-path",
        metavar="DIR",
        names_files=True,
    ),
    Setting(
        "server.threads",
        int,
        None,
        "Worker threads of the kernel; all cores when not set.",
        minimum=1,
        flag="--threads",
        metavar="N",
    ),
    Setting(
        "server.insecure",
        bool,
        False,
        "Allow listeners off loopback without TLS or without identity.",
        flag="--insecure",
    ),
    Setting(
        "server.front",
        str,
        "auto",
        "What serves the listeners; auto is native on this host, grpcio off it and for grpc+tls.",
        choices=("auto", "native", "grpcio"),
        flag="--front",
    ),
    Setting(
        "server.drain_wait_s",
        float,
        2.0,
        "How long a server that was asked to end waits for calls under way.",
        minimum=0,
        maximum=60,
        live=True,
    ),
    Setting(
        "grpc.message_bytes_max",
        int,
        16 << 20,
        "Largest message that the grpcio front takes; a larger one is refused before it is taken "
        "in, with RESOURCE_EXHAUSTED.",
        minimum=64 << 10,
        maximum=2**31 - 1,
    ),
    Setting(
        "grpc.calls_max",
        int,
        256,
        "Calls under way at once on a listener of the grpcio front, each on a thread of its own; "
        "more are refused, and over twice as many by gRPC itself.",
        minimum=1,
        maximum=10_000,
    ),
    Setting(
        "grpc.keepalive_s",
        float,
        60.0,
        "After so long without a word the grpcio front asks a client whether it is there.",
        minimum=1,
        maximum=86_400,
    ),
    Setting(
        "grpc.keepalive_timeout_s",
        float,
        20.0,
        "How long the grpcio front waits for that answer before it closes the connection.",
        minimum=1,
        maximum=3600,
    ),
    Setting(
        "grpc.ping_interval_min_s",
        float,
        10.0,
        "A client that asks the grpcio front more often whether it is there is closed.",
        minimum=0.001,
        maximum=86_400,
    ),
    Setting(
        "grpc.connection_age_s",
        float,
        3600.0,
        "After so long the grpcio front asks a client to connect anew, which brings it a renewed "
        "certificate; calls under way go on.",
        minimum=1,
        maximum=604_800,
    ),
    Setting(
        "identity.required",
        bool,
        False,
        "Let nobody in without a token, also before the first one is made; so it is from then on.",
        flag="--auth",
    ),
    Setting(
        "tls.certificate",
        str,
        "",
        "Certificate chain (PEM) of grpc+tls:// listeners; a renewed one is served without a "
        "restart.",
        flag="--tls-cert",
        metavar="FILE",
        names_files=True,
    ),
    Setting(
        "tls.key",
        str,
        "",
        "Its private key (PEM, without a password).",
        flag="--tls-key",
        metavar="FILE",
        names_files=True,
    ),
    Setting(
        "tls.client_ca",
        str,
        "",
        "Clients of grpc+tls:// listeners must have a certificate signed by one of these (PEM).",
        flag="--tls-client-ca",
        metavar="FILE",
        names_files=True,
    ),
    Setting(
        "jwt.jwks",
        str,
        "",
        "Public keys of JWTs that are let in: a file or an https address (extra: jwt); empty for "
        "none.",
        flag="--jwks",
        metavar="FILE|URL",
        names_files=True,
    ),
    Setting(
        "jwt.issuer",
        str,
        "",
        "What `iss` of these JWTs must be.",
        flag="--jwt-issuer",
        metavar="TEXT",
    ),
    Setting(
        "jwt.audience",
        str,
        "",
        "What `aud` of these JWTs must be.",
        flag="--jwt-audience",
        metavar="TEXT",
    ),
    Setting(
        "jwt.leeway_s",
        float,
        30.0,
        "How far clocks may differ when a JWT's times are looked at.",
        minimum=0,
        maximum=600,
        flag="--jwt-leeway",
        metavar="S",
    ),
    Setting(
        "jwt.claim",
        str,
        "roles",
        "The claim that holds a JWT's roles.",
        flag="--jwt-claim",
        metavar="NAME",
    ),
    Setting(
        "jwt.roles",
        list,
        [],
        "What values of that claim mean, each VALUE=ROLE[:SCHEMA]; without any they are read as "
        "ROLE[:SCHEMA].",
        flag="--jwt-role",
        metavar="VALUE=ROLE[:SCHEMA]",
    ),
    Setting(
        "postgres.dsn",
        str,
        "embedded",
        "Where the run history goes: embedded, none or the DSN of a Postgres.",
        secret=True,
        open_values=("embedded", "none"),
        flag="--postgres",
        metavar="embedded|none|DSN",
    ),
    Setting(
        "history.keep_days",
        int,
        30,
        "How many days the run history is kept, audit events included; 0 for ever.",
        minimum=0,
        maximum=36_500,
        live=True,
    ),
    Setting(
        "log.format",
        str,
        "console",
        "How log lines look: for people or as JSON.",
        choices=("console", "json"),
        flag="--log",
    ),
    Setting(
        "log.level",
        str,
        "info",
        "The least important log lines that are written; debug tells statements' texts, too.",
        choices=("debug", "info", "warning", "error"),
        live=True,
        flag="--log-level",
    ),
    Setting(
        "metrics.listen",
        str,
        "",
        "Address of /metrics, /healthz and /readyz by HTTP; empty for none.",
        flag="--metrics",
        metavar="HOST:PORT",
    ),
    Setting(
        "metrics.off_loopback",
        bool,
        False,
        "Allow a metrics port off loopback, where everybody who reaches it may read it.",
    ),
    Setting(
        "traces.endpoint",
        str,
        "",
        "Collector that takes traces by OTLP over HTTP, like http://127.0.0.1:4318/v1/traces "
        "(extra: otel); empty for none.",
    ),
    Setting(
        "traces.sample_ratio",
        float,
        1.0,
        "Share of traces that are kept, of those that no client began.",
        minimum=0,
        maximum=1,
    ),
    Setting(
        "health.disk_free_min_bytes",
        int,
        256 << 20,
        "With less free space in the data directory the server is degraded.",
        minimum=0,
        live=True,
    ),
    Setting(
        "sessions.idle_s",
        float,
        1800.0,
        "Time without a call after which a session is closed, when session.open names none.",
        minimum=1,
        maximum=86_400,
        live=True,
    ),
    Setting(
        "sessions.by_connection",
        bool,
        True,
        "Whether a Flight SQL client that echoes no cookie is told by its TCP connection; to be off"
        " behind a proxy whose clients share one.",
    ),
    Setting(
        "sessions.open_max",
        int,
        1000,
        "Sessions open at once.",
        minimum=1,
        maximum=1_000_000,
        live=True,
    ),
    Setting(
        "limits.statements_running",
        int,
        0,
        "Statements that the server works for at once; 0 for 4 per core, 8 at least.",
        minimum=0,
        maximum=10_000,
        live=True,
    ),
    Setting(
        "limits.statements_waiting",
        int,
        1000,
        "Statements that may wait for their turn.",
        minimum=0,
        maximum=100_000,
        live=True,
    ),
    Setting(
        "limits.wait_s",
        float,
        30.0,
        "How long a statement may wait for its turn.",
        minimum=0,
        maximum=3600,
        live=True,
    ),
    Setting(
        "limits.share_percent",
        int,
        75,
        "The part that one client may have of the turns and of those waiting for one, of all that "
        "may be open at once, and of the calls on a listener of the grpcio front.",
        minimum=1,
        maximum=100,
        live=True,
    ),
    Setting(
        "limits.results_open",
        int,
        1000,
        "Results that may be read at once, and results that may be in shared memory.",
        minimum=1,
        maximum=100_000,
        live=True,
    ),
    Setting(
        "limits.puts_open",
        int,
        1000,
        "DoPuts that may be open at once.",
        minimum=1,
        maximum=100_000,
        live=True,
    ),
    Setting(
        "limits.streams_running",
        int,
        1000,
        "Continuous queries that may run at once.",
        minimum=1,
        maximum=100_000,
        live=True,
    ),
    _bound(
        "limits.results_held",
        100,
        "Results that query.poll may hold at once, those of statements that run included.",
        maximum=10_000,
    ),
    _bound(
        "limits.prepared_open",
        10_000,
        "Prepared statements of Flight SQL open at once.",
        maximum=1_000_000,
    ),
    _bound(
        "limits.prepared_bytes",
        256 << 20,
        "Bytes of the texts and bound parameters of all of them.",
    ),
    _bound(
        "limits.transactions_open",
        1000,
        "Transactions of Flight SQL open at once.",
        maximum=100_000,
    ),
    _bound(
        "limits.savepoints_open",
        1000,
        "Savepoints of one of them.",
        maximum=100_000,
    ),
    _bound(
        "limits.parameters_bytes",
        64 << 20,
        "Bytes of the parameters that a prepared statement is given at once.",
    ),
    _bound(
        "limits.ticket_parameters_bytes",
        8 << 20,
        "Bytes of a query's parameters, which travel in its ticket; many clients take no ticket of "
        "more than 16 MiB.",
        maximum=1 << 30,
    ),
    _bound(
        "limits.shared_memory_bytes",
        4 << 30,
        "Bytes of all results in shared memory, and half of what is free there at most; a result "
        "that does not fit is sent.",
    ),
    Setting(
        "limits.calls_per_s",
        float,
        0.0,
        "Calls per second of one client; 0 for no limit.",
        minimum=0,
        live=True,
    ),
    Setting(
        "limits.calls_burst",
        int,
        100,
        "Calls of one client that may come at once before their rate counts.",
        minimum=1,
        live=True,
    ),
    Setting(
        "limits.memory_bytes",
        int,
        0,
        "Memory of the whole process, above whose greater part new work is refused; 0 for three "
        "quarters of the machine's.",
        minimum=0,
    ),
    Setting(
        "limits.query_memory_bytes",
        int,
        0,
        "Memory of one statement; 0 for no limit but the server's.",
        minimum=0,
    ),
    Setting(
        "limits.query_s",
        float,
        0.0,
        "How long one statement may run, its reading included; 0 for no limit.",
        minimum=0,
        live=True,
    ),
    Setting(
        "limits.statement_bytes",
        int,
        STATEMENT_BYTES_MAX,
        "The longest text of a statement; the kernel reads none that is longer than its default.",
        minimum=1,
        maximum=STATEMENT_BYTES_MAX,
        live=True,
    ),
    Setting(
        "limits.result_rows",
        int,
        0,
        "Rows of one result; 0 for no limit.",
        minimum=0,
        live=True,
    ),
    Setting(
        "limits.result_bytes",
        int,
        0,
        "Bytes of one result; 0 for no limit.",
        minimum=0,
        live=True,
    ),
    Setting(
        "limits.put_idle_s",
        float,
        300.0,
        "How long a call may wait for its client's next message, as a DoPut for a batch; 0 for no "
        "limit.",
        minimum=0,
        live=True,
    ),
    Setting(
        "limits.read_idle_s",
        float,
        300.0,
        "How long a result may stay unread; 0 for no limit.",
        minimum=0,
        live=True,
    ),
    Setting(
        "tickets.pins_kept",
        int,
        50_000,
        "Queries of tickets that are kept as they were bound; of more those go whose time ends "
        "first, and their tickets are refused.",
        minimum=1,
        maximum=1_000_000,
        live=True,
    ),
    Setting(
        "tickets.lifetime_s",
        int,
        300,
        "How long a ticket may be read after it was made. What changes replace meanwhile is kept "
        "as long.",
        minimum=1,
        maximum=604_800,
        live=True,
    ),
    _bound(
        "tickets.replies_kept",
        10_000,
        "Replies of changes that are kept for who reads a ticket again; the oldest go first.",
        maximum=1_000_000,
    ),
    _bound(
        "tickets.replies_bytes",
        256 << 20,
        "Bytes of these replies; the newest is kept in any case.",
    ),
)

SETTING_OF: dict[str, Setting] = {row.name: row for row in SETTINGS}
