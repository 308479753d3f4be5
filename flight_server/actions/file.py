"""Actions on files."""

from velaria.flight_server.actions.registry import action
from velaria.flight_server.actions.sql import columns_of, execute
from velaria.flight_server.calls import Call
from velaria.flight_server.service import Service
from velaria.schemas.file import FileCandidate, FileProbe, FileProbeReply, FileRead
from velaria.schemas.results import options_in
from velaria.schemas.sql import SqlExecute, SqlExecuteReply
from velaria.sql_text import quoted_text


@action("file.probe")
def probe(service: Service, call: Call, command: FileProbe) -> FileProbeReply:
    """What a file seems to be: format, score, columns, candidates."""
    found = service.session.probe(command.path)
    candidates = [FileCandidate(**candidate) for candidate in found.pop("candidates")]
    columns = columns_of(found.pop("schema"))
    return FileProbeReply(schema=columns, candidates=candidates, **found)


@action("file.read")
def read(service: Service, call: Call, command: FileRead) -> SqlExecuteReply:
    """A ticket for the rows of a file."""
    sql = f"SELECT * FROM {quoted_text(command.path)}"
    asked = SqlExecute(sql=sql, query_id=command.query_id, **options_in(command))
    return execute(service, call, asked)
