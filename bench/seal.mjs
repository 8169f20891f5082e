/** Sealing: from journal lines to published tiles, against bare hashing of the same bytes and a signed Merkle log. */
import { hash } from "node:crypto"
import { join } from "node:path"
import Hypercore from "hypercore"
import { entriesOf } from "./entries.mjs"
import { details, interleave, place, QUICK, ratio, report, row, secureml, syncAll } from "./measure.mjs"

const ROUNDS = QUICK ? 2 : 7
const EVENTS = QUICK ? 20_000 : 100_000
const BATCH = 1_024

let round = 0
/** Records the events in a process without the key, so that nothing is sealed, then seals them here. */
async function sealRound() {
  const logDir = join(place, `log-${round}`)
  const audit = new secureml.AuditTrail("bench", { logDir })
  await audit.flush()
  for (let n = 0; n < EVENTS; n++) audit.logEvent("data_seen", details)
  syncAll()
  const beganMs = performance.now()
  await audit.flush()
  const perSecond = (EVENTS * 1_000) / (performance.now() - beganMs)
  await audit.close()
  round += 1
  return perSecond
}

await sealRound()
const entries = entriesOf(join(place, "log-0")).slice(0, EVENTS)
const node = Buffer.alloc(65, 1)
const perSecond = (work) => async () => {
  const beganMs = performance.now()
  await work()
  return (EVENTS * 1_000) / (performance.now() - beganMs)
}
const numbers = await interleave(
  ROUNDS,
  {
    "secureml, journal to signed tiles": sealRound,
    "bare crypto.hash of each leaf and each node": perSecond(() => {
      for (let n = 0; n < EVENTS; n++) {
        hash("sha256", entries[n % entries.length], "latin1")
        hash("sha256", node, "latin1")
      }
    }),
    [`hypercore 10, append ${BATCH.toLocaleString("en")} at a time`]: async () => {
      const core = new Hypercore(join(place, `hypercore-${round}-${Math.random()}`))
      await core.ready()
      const result = await perSecond(async () => {
        for (let n = 0; n < EVENTS; n += BATCH) await core.append(entries.slice(n, n + BATCH))
      })()
      await core.close()
      return result
    },
  },
  async () => syncAll(),
)
const [ours, bare, hypercore] = Object.values(numbers)
const rate = [...ours].sort((a, b) => a - b)[Math.floor(ours.length / 2)]
const perBare = ratio(bare, ours)
report({
  title: "Sealing",
  text: `${ROUNDS} interleaved rounds of ${EVENTS.toLocaleString("en")} entries of ${Math.round(entries.reduce((sum, { length }) => sum + length, 0) / entries.length)} bytes; entries a second. Sealing reads the journal, writes bundles and tiles, syncs them, reads them back and hashes them again, and signs; hypercore does not sync.`,
  head: ["what", "median", "min", "max"],
  rows: Object.entries(numbers).map(([name, values]) => row(`${name}, entries/s`, values, 0)),
  bars: [
    {
      what: "entries/s sealed; or × the time of bare hashing",
      bar: "≥ 120,000; or ≤ 8",
      value: `${Math.round(rate).toLocaleString("en")}; ${perBare.toFixed(2)}`,
      met: rate >= 120_000 || perBare <= 8,
    },
    {
      what: "× hypercore's batched append",
      bar: "≥ 3",
      value: ratio(ours, hypercore),
      met: ratio(ours, hypercore) >= 3,
    },
  ],
})
