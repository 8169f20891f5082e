/** Questions to a log of five million events, and of a tenth of them; making the index; memory of reading many records. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { DAYS, END_MS, writeCorpus } from "./corpus.mjs"
import { distAudit, place, QUICK, report, row, secureml, summary } from "./measure.mjs"

const LARGE = QUICK ? 200_000 : 5_000_000
const ROUNDS = QUICK ? 5 : 25
const MANY = QUICK ? 20_000 : 100_000
const cli = join(fileURLToPath(new URL("../dist", import.meta.url)), "cli.js")

/** Makes and seals a log, and then its index; how fast that went. */
function make(name, events) {
  const logDir = join(place, name)
  const { operations, users } = writeCorpus(logDir, events)
  fs.chmodSync(logDir, 0o700)
  execFileSync(process.execPath, [cli, "audit", "seal", "--log-dir", logDir])
  // Its writer is no process: nobody else would tidy what is sealed for an hour.
  for (const file of fs.readdirSync(join(logDir, ".state/journal"))) fs.rmSync(join(logDir, ".state/journal", file))
  const beganMs = performance.now()
  const report = JSON.parse(execFileSync(process.execPath, [cli, "audit", "reindex", "--json", "--log-dir", logDir]))
  return {
    logDir,
    operations,
    users,
    perSecond: (report.indexed * 1_000) / (performance.now() - beganMs),
    bytes: report.bytes / report.indexed,
  }
}

/** Milliseconds of a question, asked again and again about other things. */
async function times(ask) {
  const all = []
  await ask(0)
  for (let n = 1; n <= ROUNDS; n++) {
    const beganMs = performance.now()
    await ask(n)
    all.push(performance.now() - beganMs)
  }
  return all
}

const small = make("small", LARGE / 10)
const large = make("large", LARGE)
const at = (day) => new Date(END_MS - (DAYS - day) * 86_400_000)
const questions = ({ logDir, operations, users }) => ({
  "all events of one operation": (n) =>
    secureml.getAuditLogs({ logDir, operationId: operations[(n * 37) % operations.length] }),
  "one name, 1 % of the time": (n) =>
    secureml.getAuditLogs({ logDir, operationName: `job-${100 + n}`, startTime: at(3 * n), endTime: at(3 * n + 0.9) }),
  "one type and user, newest 100": (n) =>
    secureml.getAuditLogs({ logDir, eventType: "model_inference", user: users[n], order: "desc", limit: 100 }),
  "a rare word": () => secureml.getAuditLogs({ logDir, text: "albatross" }),
  "three words, newest 100": (n) =>
    secureml.getAuditLogs({ logDir, text: `ba da ${["dede", "inba", "orba"][n % 3]}`, order: "desc", limit: 100 }),
  "how many of one type and user": (n) =>
    secureml.countAuditLogs({ logDir, eventType: "model_inference", user: users[n] }),
  "90 days by type": () => secureml.histogramAuditLogs({ logDir, by: "type" }),
})
const ofSmall = {}
const ofLarge = {}
for (const [name, ask] of Object.entries(questions(small))) ofSmall[name] = await times(ask)
for (const [name, ask] of Object.entries(questions(large))) ofLarge[name] = await times(ask)

/** Most resident memory of a process of its own, MiB. */
function memory(work) {
  const code = `const { getAuditLogs, streamAuditLogs } = await import(${JSON.stringify(distAudit)}); const logDir = ${JSON.stringify(large.logDir)}
    ${work}
    console.log(process.resourceUsage().maxRSS / 1024)`
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", code]))
}
const listRss = memory(
  `const list = await getAuditLogs({ logDir, limit: ${MANY} }); if (list.length !== ${MANY}) throw new Error(String(list.length))`,
)
const streamRss = memory(
  `let n = 0; for await (const one of streamAuditLogs({ logDir, limit: ${MANY * 5} })) n += one.index >= 0 ? 1 : 0`,
)
const cold = []
for (let n = 0; n < 5; n++) {
  const beganMs = performance.now()
  execFileSync(process.execPath, [
    cli,
    "audit",
    "list",
    "--json",
    "--operation-id",
    large.operations[n],
    "--log-dir",
    large.logDir,
  ])
  cold.push(performance.now() - beganMs)
}
const median = (name) => summary(ofLarge[name]).median
const growth = (name) => summary(ofLarge[name]).median / summary(ofSmall[name]).median
const below = (what, value, bar) => ({ what, bar: `≤ ${bar.toLocaleString("en")}`, value, met: value <= bar })
report({
  title: "Questions",
  text: `A seeded log of ${LARGE.toLocaleString("en")} events of ${DAYS} days, and one of a tenth; the index is there and the files are in memory. ${ROUNDS} times each, about other things each time; milliseconds.`,
  head: ["question", "median ms", "min", "max", "median at a tenth"],
  rows: Object.entries(ofLarge).map(([name, all]) => [...row(name, all), summary(ofSmall[name]).median.toFixed(2)]),
  bars: [
    below("all events of one operation, ms", median("all events of one operation"), 2),
    below("name and 1 % of the time, ms", median("one name, 1 % of the time"), 10),
    below("type and user, newest 100, ms", median("one type and user, newest 100"), 10),
    below("histogram of 90 days by type, ms", median("90 days by type"), 100),
    below("a rare word, ms", median("a rare word"), 20),
    below("three words, newest 100, ms", median("three words, newest 100"), 50),
    below("the command line by operation, as a process, ms", summary(cold).median, 400),
    below("one operation, × a tenth of the log", growth("all events of one operation"), 1.5),
    {
      what: "index made, entries/s",
      bar: "≥ 25,000",
      value: Math.round(large.perSecond),
      met: large.perSecond >= 25_000,
    },
    below("index, bytes an event", large.bytes, 150),
    below(`getAuditLogs of ${MANY.toLocaleString("en")} records, MiB`, listRss, 300),
    below(`streamAuditLogs of ${(MANY * 5).toLocaleString("en")} records, MiB`, streamRss, 150),
  ],
})
