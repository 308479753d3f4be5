// Asks by the client @gizmodata/gizmosql-client, unchanged.

import gizmosql from "@gizmodata/gizmosql-client";
import { credentials, hostname, isPlain, port, rows, run } from "./checks.mjs";

const address = { host: hostname, port: Number(port), plaintext: isPlain };
const client = new gizmosql.FlightSQLClient({ ...address, ...credentials });

await run({
  create: async () =>
    rows(await client.execute("CREATE OR REPLACE TABLE js_gizmo(k BIGINT PRIMARY KEY, name VARCHAR)")),
  query: async () =>
    rows(await client.execute("SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v(x, y) ORDER BY x DESC")),
  large: async () =>
    (await client.execute("SELECT n, repeat('x', 100) AS s FROM range(200000) r(n)")).numRows,
  change: async () => {
    await client.execute("INSERT INTO js_gizmo VALUES (1, 'héé')");
    return rows(await client.execute("SELECT * FROM js_gizmo"));
  },
  sql_info: async () => Object.fromEntries(await client.getSqlInfo([0, 3, 4])),
  catalogs: () => client.getCatalogs(),
  schemas: () => client.getSchemas("velaria"),
  tables: () => client.getTables("velaria", "main", "js_gizmo"),
  table_types: () => client.getTableTypes(),
  error: () => client.execute("SELECT * FROM js_nowhere"),
});

await client.close();
