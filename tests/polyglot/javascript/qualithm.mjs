// Asks by the client @qualithm/arrow-flight-client, unchanged.

import { createFlightSqlClient } from "@qualithm/arrow-flight-client";
import { credentials, host, isPlain, rows, run } from "./checks.mjs";

// Its own `auth` of a name and a password says them in a message; headers are read before messages.
const { token, username, password } = credentials;
const said = token ? `Bearer ${token}` : `Basic ${btoa(`${username}:${password}`)}`;
const headers = token || username ? { authorization: said } : {};
const client = createFlightSqlClient({ url: `${isPlain ? "http" : "https"}://${host}`, headers });

async function inTransaction(k, end) {
  const transaction = await client.beginTransaction();
  const inside = { transactionId: transaction.id };
  await client.executeUpdate(`INSERT INTO js_qualithm VALUES (${k}, 'inside')`, inside);
  const count = `SELECT count(*) FROM js_qualithm WHERE k = ${k}`;
  const seen = rows(await client.query(count, inside));
  await end(transaction);
  return { inside: seen[0][0], after: rows(await client.query(count))[0][0] };
}

await run({
  create: async () =>
    (await client.executeUpdate("CREATE OR REPLACE TABLE js_qualithm(k BIGINT PRIMARY KEY, name VARCHAR)"))
      .recordCount,
  query: async () =>
    rows(await client.query("SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v(x, y) ORDER BY x DESC")),
  large: async () => {
    let count = 0;
    for await (const batch of client.queryBatches("SELECT n, repeat('x', 100) AS s FROM range(200000) r(n)")) {
      count += batch.numRows;
    }
    return count;
  },
  update: async () => (await client.executeUpdate("INSERT INTO js_qualithm VALUES (1, 'héé'), (2, NULL)")).recordCount,
  prepared: async () => {
    const prepared = await client.prepare("SELECT * FROM js_qualithm ORDER BY k");
    const found = rows(await client.executePrepared(prepared));
    await client.closePreparedStatement(prepared);
    return found;
  },
  commit: () => inTransaction(100, (transaction) => client.commit(transaction)),
  rollback: () => inTransaction(101, (transaction) => client.rollback(transaction)),
  catalogs: async () => rows(await client.getCatalogs()),
  schemas: async () => rows(await client.getDbSchemas({ dbSchemaFilterPattern: "main" })),
  tables: async () => rows(await client.getTables({ tableNameFilterPattern: "js_qualithm" })),
  table_types: async () => rows(await client.getTableTypes()),
  primary_keys: async () => rows(await client.getPrimaryKeys("js_qualithm")),
  error: () => client.query("SELECT * FROM js_nowhere"),
});

client.close();
