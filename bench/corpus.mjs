/**
 * A seeded log for queries: 90 days of events of 2,000 operations' names, 5,000 users, 16 events an operation, messages
 * of 6 to 20 words. Written as journal segments, which the next seal takes; so times are those of the events.
 *
 *   node bench/corpus.mjs <log directory> <events> [seed]
 */

import { createHash } from "node:crypto"
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { crc32 } from "node:zlib"

export const DAYS = 90
const EVENTS_AN_OPERATION = 16
const OPEN_OPERATIONS = 64
const SEGMENT_EVENTS = 20_000
export const END_MS = Date.UTC(2026, 10, 24)

/** Numbers from 0 up to 1, the same for the same seed. */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const SYLLABLES = [
  "ba",
  "cor",
  "de",
  "fin",
  "gra",
  "hel",
  "in",
  "jo",
  "ka",
  "lor",
  "mi",
  "nu",
  "or",
  "pe",
  "qui",
  "ra",
  "sol",
  "ta",
  "ur",
  "ve",
]

/** What events are made of. */
export function corpus(seed = 1) {
  const random = randomOf(seed)
  const below = (n) => Math.floor(random() * n)
  // Few words make up most of a text: squares press towards the first ones.
  const skewed = (n) => Math.floor(random() ** 3 * n)
  const word = (n) => {
    let [text, left] = ["", n + 20]
    for (; left > 0; left = Math.floor(left / 20)) text += SYLLABLES[left % 20]
    return text
  }
  const uuid = () =>
    createHash("md5")
      .update(String(random()))
      .digest("hex")
      .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5")
  const message = () => Array.from({ length: 6 + below(15) }, () => word(skewed(20_000))).join(" ")
  const operation = () => ({
    id: uuid(),
    name: `job-${skewed(2_000)}`,
    user: `user-${below(5_000)}@example.org`,
    sequence: 0,
    left: 1 + below(2 * EVENTS_AN_OPERATION - 1),
  })
  const details = (type, user) => {
    switch (type) {
      case "data_access":
        return {
          dataset_name: `dataset-${skewed(200)}`,
          columns_accessed: ["age", "income"],
          num_records: below(100_000),
          purpose: message(),
          user,
        }
      case "model_inference":
        return {
          model_id: `model-${skewed(500)}`,
          input_data: { score: below(1_000) },
          output: below(2) === 1 ? "approve" : "refuse",
          confidence: below(1_000) / 1_000,
        }
      case "compliance_check":
        return {
          check_type: "purpose",
          regulation: ["GDPR", "HIPAA", "CCPA"][below(3)],
          result: below(10) > 0,
          details: { note: message() },
        }
      case "error":
        return { error_type: "ValueError", message: message() }
      default:
        return { step: below(100), note: message() }
    }
  }
  const TYPES = [
    "data_access",
    "data_access",
    "model_inference",
    "model_inference",
    "model_inference",
    "model_inference",
    "compliance_check",
    "error",
    "step_done",
    "step_done",
  ]
  return { random, below, uuid, operation, details, type: () => TYPES[below(TYPES.length)] }
}

/** Writes the events as journal lines; returns some facts for queries. */
export function writeCorpus(logDir, events, seed = 1) {
  const { below, uuid, operation, details, type } = corpus(seed)
  const journal = join(logDir, ".state/journal")
  mkdirSync(journal, { recursive: true, mode: 0o700 })
  const writer = uuid()
  const open = Array.from({ length: OPEN_OPERATIONS }, operation)
  const stepMs = (DAYS * 86_400_000) / events
  const operations = []
  const users = []
  let fd
  let lines = []
  for (let n = 0; n < events; n++) {
    const slot = below(OPEN_OPERATIONS)
    const run = open[slot]
    const timeMs = Math.floor(END_MS - DAYS * 86_400_000 + n * stepMs)
    const hex = timeMs.toString(16).padStart(12, "0")
    const eventId = `${hex.slice(0, 8)}-${hex.slice(8)}-7${(n % 4_096).toString(16).padStart(3, "0")}-8${uuid().slice(20)}`
    const kind = type()
    const found = details(kind, run.user)
    if (n % 1_000_003 === 500) found.note = `the albatross ${n}`
    const entry = JSON.stringify({
      v: 1,
      event_id: eventId,
      event_type: kind,
      timestamp: new Date(timeMs).toISOString(),
      operation_id: run.id,
      operation_name: run.name,
      sequence: run.sequence++,
      writer: { id: writer, seq: n },
      actor: { id: run.user },
      regulations: ["GDPR"],
      details: found,
    })
    lines.push(lineOf(n, entry))
    if (--run.left === 0) {
      if (operations.length < 1_000 || n % 1_000 === 0) {
        operations.push(run.id)
        users.push(run.user)
      }
      open[slot] = operation()
    }
    if (lines.length === 1_000 || n === events - 1) {
      if (n % SEGMENT_EVENTS < 1_000) {
        if (fd !== undefined) closeSync(fd)
        fd = openSync(join(journal, `${writer}.${Math.floor(n / SEGMENT_EVENTS)}`), "a", 0o600)
      }
      writeSync(fd, lines.join(""))
      lines = []
    }
  }
  closeSync(fd)
  return { operations, users }
}

function lineOf(seq, entry) {
  const body = `${seq} ${entry}`
  return `${crc32(body).toString(16).padStart(8, "0")} ${body}\n`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [logDir, events, seed] = process.argv.slice(2)
  const { operations } = writeCorpus(logDir, Number(events), Number(seed ?? 1))
  console.log(operations.at(-1))
}
