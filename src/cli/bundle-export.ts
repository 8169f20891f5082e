/**
 * `secureml audit export --bundle`: entries, with the proof that each is in the log, for somebody who does not have it.
 * @module
 */
import type { AuditFilters } from "../audit.ts"
import { parseEntry } from "../event/index.ts"
import { parseProof } from "../proof/index.ts"
import { type Evidence, findEvidence, prove } from "../query/index.ts"
import type { RootDirectory } from "../store/index.ts"
import { factLines } from "./facts.ts"
import { UsageError } from "./failure.ts"
import { type EventName, findEvent } from "./find-event.ts"
import { jsonLine } from "./json.ts"
import { verifierKeyOf } from "./log-key.ts"
import { checkEvidenceCount, NewBundle } from "./new-bundle.ts"
import type { Output } from "./output.ts"
import { Progress } from "./progress.ts"
import { filtersOf, recordExport } from "./record-act.ts"
import { untilSignal } from "./session.ts"

/** Redacted entries that are named one by one. */
const MOST_NAMED = 10

/** What to put into a bundle, and where. */
export interface BundleRequest {
  readonly directory: string
  readonly root: RootDirectory
  /** One event, or what matches the filters. */
  readonly event: EventName | undefined
  readonly filters: AuditFilters
  readonly json: boolean
}

/** Makes a bundle. */
export async function exportBundle(request: BundleRequest, output: Output): Promise<void> {
  const { root, directory, event, filters } = request
  if (event !== undefined && Object.keys(filters).length > 0)
    throw new UsageError("--event-id names the one event of the bundle: filters and it exclude each other")
  const single = event === undefined ? undefined : await oneEvent(root, event)
  const asked = single === undefined ? filtersOf(filters) : { event_id: single.eventId }
  const evidence = single ?? (await findEvidence(root, filters))
  const verifierKey = await verifierKeyOf(root)
  if (evidence.head === undefined || verifierKey === undefined)
    throw new Error(`nothing in ${root.path} can be proven: it has no checkpoint or no vkey; run secureml audit seal`)
  if (single === undefined && Object.keys(filters).length === 0) checkEvidenceCount(evidence.head.treeSize)
  // From before there is a directory: a signal must find somebody who removes it.
  const { signal, release } = untilSignal()
  let bundle: NewBundle | undefined
  try {
    bundle = new NewBundle(directory, evidence.head, verifierKey)
    const tally = await fill(bundle, evidence, signal, output, (details) =>
      recordExport(root, { format: "bundle", ...asked, ...details }, output),
    )
    bundle.commit()
    await tell(bundle, evidence, tally, request.json, output)
  } finally {
    bundle?.discard()
    release()
  }
}

interface Tally {
  records: number
  lastIndex: number
}

/** Writes a bundle whole, and records the export before the bundle has its name. */
async function fill(
  bundle: NewBundle,
  evidence: Evidence,
  signal: AbortSignal,
  output: Output,
  record: (details: object) => void,
): Promise<Tally> {
  const tally: Tally = { records: 0, lastIndex: 0 }
  let complete = false
  try {
    await addAll(bundle, evidence, tally, signal, output)
    await bundle.finish()
    complete = true
  } finally {
    const { records, lastIndex } = tally
    record({ records, unsealed: 0, ...(records === 0 ? {} : { last_index: lastIndex }), complete })
  }
  return tally
}

async function oneEvent(root: RootDirectory, event: EventName): Promise<Evidence & { readonly eventId: string }> {
  const { index, proof } = await prove({ logDir: root.path, eventId: event })
  const { hashes, checkpoint } = parseProof(proof)
  const { bytes } = await findEvent(root, index)
  const eventId = parseEntry(bytes).event_id
  return { head: checkpoint, unsealed: 0, redacted: [], entries: once({ index, bytes, hashes }), eventId }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value
}

async function addAll(
  bundle: NewBundle,
  evidence: Evidence,
  tally: Tally,
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const progress = new Progress(output)
  try {
    for await (const entry of evidence.entries) {
      if (signal.aborted) throw new Error("the export was interrupted: there is no bundle")
      bundle.add(entry)
      tally.records += 1
      tally.lastIndex = entry.index
      progress.tell(() => `proving: ${tally.records} entries`)
    }
  } finally {
    progress.end()
  }
}

async function tell(
  bundle: NewBundle,
  { head, unsealed, redacted }: Evidence,
  { records, lastIndex }: Tally,
  json: boolean,
  output: Output,
): Promise<void> {
  const { path, digests } = bundle
  if (json) {
    const { origin, treeSize, rootHash } = head!
    await output.data(
      jsonLine({ bundle: path, origin, treeSize, rootHash, records, unsealed, redacted, lastIndex, files: digests }),
    )
  } else {
    const facts = [
      ["bundle", path],
      ["entries", `${records}, up to index ${lastIndex}`],
      ["tree", `${head!.treeSize} entries of ${head!.origin}`],
      ["manifest", `sha256 ${digests["manifest.json"]!.sha256}`],
    ] as const
    await output.data(factLines(facts, output))
  }
  if (unsealed > 0)
    output.note(
      `${unsealed} more records match and are not sealed yet, so they cannot be proven: see secureml audit seal`,
    )
  if (redacted.length > 0) {
    const places = redacted.slice(0, MOST_NAMED).map(({ index, by }) => `entry ${index} by event ${by}`)
    const more = redacted.length > MOST_NAMED ? `, and ${redacted.length - MOST_NAMED} more` : ""
    output.note(`Left out, since they were redacted and nothing is left to prove: ${places.join(", ")}${more}`)
  }
  output.note("To check it elsewhere, with the log's verifier key from a source that the reader trusts:")
  output.note(`  secureml audit verify --bundle <directory> --public-key <vkey>`)
}
