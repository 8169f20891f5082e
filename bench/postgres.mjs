/** PostgreSQL as an audit table, when its server is installed: one insert an event, committed. */
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { details, interleave, place, QUICK, ratio, report, row, secureml } from "./measure.mjs"

const ROUNDS = QUICK ? 2 : 5
const EVENTS = QUICK ? 200 : 1_000
const binaries = [
  process.env.BENCH_POSTGRES,
  ...(fs.globSync?.("/usr/lib/postgresql/*/bin") ?? []),
  ...listed(),
].filter((path) => path !== undefined && fs.existsSync(join(path, "postgres")))

function listed() {
  const base = "/usr/lib/postgresql"
  return fs.existsSync(base) ? fs.readdirSync(base).map((version) => join(base, version, "bin")) : []
}

if (binaries.length === 0 || process.getuid() !== 0) {
  report({
    skipped:
      "PostgreSQL: no server binary, or not root (a server cannot run as root, so its data belongs to another user)",
  })
}
const uid = Number(spawnSync("id", ["-u", "postgres"], { encoding: "utf8" }).stdout)
const gid = Number(spawnSync("id", ["-g", "postgres"], { encoding: "utf8" }).stdout)
const data = join(place, "postgres")
fs.mkdirSync(data)
fs.chmodSync(place, 0o755)
fs.chownSync(data, uid, gid)
const as = { uid, gid, cwd: data, env: { PATH: process.env.PATH } }
spawnSync(join(binaries[0], "initdb"), ["-D", join(data, "db"), "--auth=trust"], as)
const server = spawn(join(binaries[0], "postgres"), ["-D", join(data, "db"), "-k", data, "-c", "listen_addresses="], {
  ...as,
  stdio: "ignore",
})
const psql = (sql) =>
  spawnSync(join(binaries[0], "psql"), ["-h", data, "-d", "postgres", "-qAt"], { ...as, input: sql, encoding: "utf8" })
for (let tries = 0; psql("SELECT 1").stdout !== "1\n"; tries++) {
  if (tries === 100) throw new Error("PostgreSQL did not start")
  await new Promise((resolve) => setTimeout(resolve, 100))
}
psql("CREATE TABLE audit (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), event jsonb)")
const insert = `INSERT INTO audit (event) VALUES ('${JSON.stringify(details)}');\n`.repeat(EVENTS)
const audit = new secureml.AuditTrail("bench", { logDir: join(place, "log") })
const perSecond = (work) => async () => {
  const beganMs = performance.now()
  work()
  return (EVENTS * 1_000) / (performance.now() - beganMs)
}
const numbers = await interleave(ROUNDS, {
  "PostgreSQL, one INSERT a transaction, from psql": perSecond(() => psql(insert)),
  'secureml, durability: "durable"': perSecond(() => {
    for (let n = 0; n < EVENTS; n++) audit.logEvent("data_seen", details, { durability: "durable" })
  }),
})
server.kill("SIGINT")
const [theirs, ours] = Object.values(numbers)
report({
  title: "Against a database",
  text: `${ROUNDS} interleaved rounds of ${EVENTS.toLocaleString("en")} events, each durable before the next; events a second.`,
  head: ["what", "median events/s", "min", "max"],
  rows: Object.entries(numbers).map(([name, values]) => row(name, values, 0)),
  bars: [{ what: "durable events × PostgreSQL's inserts", bar: "none", value: ratio(ours, theirs), met: true }],
})
