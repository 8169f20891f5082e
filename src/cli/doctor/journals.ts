/**
 * What waits to be sealed, and journals whose owners are gone. Reads only.
 * @module
 */
import { AuditError } from "../../errors.ts"
import { readTreeState, type TreeState } from "../../ledger/index.ts"
import type { Snapshot } from "../../query/index.ts"
import { LocalJournal, RECOVERY_FILE, type SegmentInfo } from "../../store/index.ts"
import { type Diagnosis, note, ok, type Patient, problem, sizeText, someOf, spanText } from "./diagnosis.ts"

/** Sealing follows within seconds where somebody has the key and runs. */
const SOON_MS = 60_000
const LATE_MS = 3_600_000
/** An owner that has not written for this long is gone. */
const OWNER_GONE_MS = 3_600_000
/** A write that is under way ends sooner. */
const WRITE_MS = 2_000

/** Looks at journals, tree state and unsealed entries. */
export async function examineJournals(patient: Patient, snapshot: Snapshot): Promise<Diagnosis[]> {
  const { root } = patient
  if (!snapshot.privateState)
    return [note("journals", "the private part of the log cannot be read here", "run this as the user who records")]
  const segments = await new LocalJournal(root).segments()
  const found = [unsealed(snapshot, patient.nowMs), ...broken(snapshot, segments, patient.nowMs)]
  try {
    found.push(stale(segments, await readTreeState(root), patient.nowMs))
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    found.push(problem("tree_state", error.message, "run secureml audit recover --reason"))
  }
  if ((await root.read(RECOVERY_FILE)) !== undefined)
    found.push(problem("recovery", "a recovery was begun and cut off", "run secureml audit recover --reason once more"))
  return found
}

function unsealed({ tail }: Snapshot, nowMs: number): Diagnosis {
  const check = "unsealed"
  if (tail.length === 0) return ok(check, "everything recorded is sealed")
  const oldest = tail.reduce(
    (least, { entry }) => Math.min(least, Date.parse(entry.timestamp)),
    Number.POSITIVE_INFINITY,
  )
  const ageMs = nowMs - oldest
  const message = `${tail.length} ${tail.length === 1 ? "entry is" : "entries are"} not sealed, the oldest for ${spanText(ageMs)}`
  if (ageMs < SOON_MS) return ok(check, message)
  const advice = "run secureml audit seal as the user who has the key, or leave seal --watch running"
  return ageMs < LATE_MS ? note(check, message, advice) : problem(check, message, advice)
}

function broken({ writers, unreadable }: Snapshot, segments: readonly SegmentInfo[], nowMs: number): Diagnosis[] {
  const found: Diagnosis[] = []
  const gaps = writers.flatMap(({ gap }) => gap?.name ?? [])
  if (gaps.length > 0)
    found.push(
      problem(
        "journal_gap",
        `journals lack entries that were recorded, and what is behind them cannot be sealed: ${someOf(gaps)}`,
        "run secureml audit verify, then recover --reason",
      ),
    )
  if (unreadable > 0)
    found.push(problem("journal_malformed", `${unreadable} journal lines are no events`, "run secureml audit verify"))
  const changed = new Map(segments.map(({ name, changedMs }) => [name, changedMs]))
  const ragged = writers
    .flatMap((lines) => lines.ragged)
    .filter(({ name }) => nowMs - (changed.get(name) ?? nowMs) > WRITE_MS)
  if (ragged.length > 0)
    found.push(
      note(
        "torn_tail",
        `${ragged.length} journals hold bytes that are no whole line: ${someOf(ragged.map(({ name }) => name))}`,
        "a write that never finished looks like this; verify says whether more is wrong",
      ),
    )
  return found
}

function stale(segments: readonly SegmentInfo[], tree: TreeState, nowMs: number): Diagnosis {
  const check = "journals"
  const gone = segments.filter(({ changedMs }) => nowMs - changedMs > OWNER_GONE_MS)
  const waiting = gone.filter((segment) => !isSealed(segment, tree))
  const size = sizeText(gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  if (waiting.length > 0)
    return problem(
      check,
      `${waiting.length} journals of processes that are gone hold what is not sealed: ${someOf(waiting.map(({ name }) => name))}`,
      "run secureml audit seal as the user who has the key",
    )
  if (gone.length > 0)
    return note(
      check,
      `${gone.length} journals of processes that are gone are sealed and still here, ${size}`,
      "sealing removes them; nothing has to be done",
    )
  return ok(check, `${segments.length} ${segments.length === 1 ? "journal is" : "journals are"} in use`)
}

function isSealed({ writerId, number, sizeBytes }: SegmentInfo, tree: TreeState): boolean {
  const position = tree.writers.get(writerId)
  if (position === undefined) return false
  return position.segment > number || (position.segment === number && position.offset >= sizeBytes)
}
