// Usage of a program: node NAME.mjs URI CHECKS [OPTION=VALUE...]. CHECKS is `all`, or names with
// commas between; the options are `token`, or `username` and `password`. Each check prints one line
// of JSON: its name and what it found, or the error that ended it. What should be found stands in
// ../test_javascript.py.

const [, , uri, checksWanted, ...options] = process.argv;

export const { protocol, host, hostname, port } = new URL(uri);
export const isPlain = protocol === "grpc:";
export const credentials = Object.fromEntries(options.map((option) => option.split(/=(.*)/s).slice(0, 2)));

export function plain(value) {
  return JSON.parse(JSON.stringify(value, (_, each) => (typeof each === "bigint" ? Number(each) : each)));
}

export function rows(table) {
  return plain(table.toArray().map((row) => Object.values(row.toJSON())));
}

export async function run(checks) {
  const wanted = checksWanted.split(",");
  for (const [check, ask] of Object.entries(checks)) {
    if (!wanted.includes(check) && !wanted.includes("all")) continue;
    let line;
    try {
      line = { check, found: plain(await ask()) };
    } catch (error) {
      line = { check, fault: { kind: error.constructor.name, code: error.code ?? "", text: error.message } };
    }
    console.log(JSON.stringify(line));
  }
}
