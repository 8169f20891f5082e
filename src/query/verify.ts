/**
 * Verifying a log: reads as the list of its checks. Failure is a returned finding; only "could not run" throws.
 * Right while writers write: everything is read in an order that no honest writer can make look wrong.
 * @module
 */
import { equalBytes, fromBase64, toBase64 } from "../bytes.ts"
import { AuditError } from "../errors.ts"
import type { AuditEntry } from "../event/index.ts"
import { type Environment, readIdentity } from "../ledger/index.ts"
import { type Checkpoint, parseCheckpoint, parseVerifierKey } from "../proof/index.ts"
import { findLogDirectory, LocalBlobs, type RootDirectory, StateDirectory } from "../store/index.ts"
import { checkIndex } from "./check-index.ts"
import { checkSignature, chooseKey, type KeySource, readDirectoryKey, type TrustedKey } from "./check-key.ts"
import { hasPersonal, PersonalCheck, type PersonalCounts } from "./check-personal.ts"
import { SequenceCheck } from "./check-sequences.ts"
import { checkTail } from "./check-tail.ts"
import { checkTree } from "./check-tree.ts"
import { type Finding, NOT_PROVEN, type Verdict, worstVerdict } from "./findings.ts"
import { checkKeptValues, holdsKept } from "./kept-values.ts"
import { chainOf, haveSameKeys, tellsOfKey } from "./key-chain.ts"
import { findPruning, type Pruning } from "./pruning.ts"
import { RedactedEntries } from "./redacted-entries.ts"
import { type RedactedEntry, wasRedactedSince } from "./redactions.ts"
import { SequenceRuns } from "./sequence-runs.ts"
import { readHead, type Snapshot, takeSnapshot, tryParse } from "./snapshot.ts"

/** What to verify, and by what. */
export interface VerifyOptions {
  readonly logDir: string
  /** C2SP verifier key to check against, got from somewhere else than the log directory. */
  readonly publicKey?: string
  /** A checkpoint kept elsewhere: its text, or as `flush()` returned it. The log must be an extension of it. */
  readonly against?: string | Checkpoint
  /** Pins the directory's own key when none is known yet, and uses it from then on. */
  readonly trustOnFirstUse?: boolean
  /** Compares every row of the query index with the log too, which takes longer than all else. */
  readonly index?: boolean
  /** Called now and then with the number of entries checked so far. */
  readonly onProgress?: (entriesChecked: number) => void
}

/** What verification found. */
export interface VerificationReport {
  readonly verdict: Verdict
  readonly findings: readonly Finding[]
  readonly logDir: string
  readonly origin?: string
  /** Entries under the checkpoint. */
  readonly treeSize: number
  /** Base64; of the empty tree when there is no checkpoint. */
  readonly rootHash: string
  readonly entriesChecked: number
  /** Entries below this index were pruned, as an entry of the log says; absent where none were. */
  readonly prunedBelow?: number
  /** Entries that were redacted, and the index of the event that says so: the first 1,000; absent where none were. */
  readonly redacted?: readonly RedactedEntry[]
  /** Entries recorded that no checkpoint covers yet. */
  readonly unsealed: number
  /** The key that the checkpoint was checked by: where another has taken over from the one that is trusted, that one. */
  readonly publicKey?: string
  /** Where the key came from that is trusted. */
  readonly keySource?: KeySource
  readonly checkpoint?: Checkpoint
  /** How many personal values are there, withheld, erased, missing or damaged; left out where the log has none. */
  readonly personalValues?: PersonalCounts
  /** What no verification of this log can show. */
  readonly notProven: readonly string[]
}

/** What a prune or a redaction that runs at the same time may look like. */
const MAY_HAVE_GONE: readonly Verdict[] = ["corrupt", "payload_damaged"]
const EMPTY_ROOT_TEXT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

/**
 * Verifies a whole log; see `verifyAuditLog` for the public words.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`; `CHECKPOINT_MALFORMED` or `VERIFIER_KEY_MALFORMED` for an argument.
 */
export async function verifyLog(options: VerifyOptions, environment: Environment): Promise<VerificationReport> {
  if (options.publicKey !== undefined) parseVerifierKey(options.publicKey)
  const against = options.against === undefined ? undefined : parseAgainst(options.against)
  const root = findLogDirectory(options.logDir)
  if (root === undefined) return nothingThere(options.logDir)
  const state = new StateDirectory(environment)
  // Read before the log: whatever is signed or seen while this runs is not held against it.
  const known = await knownCheckpoints(root, state)
  let directoryKey: string | undefined
  let snapshot: Snapshot
  try {
    directoryKey = await readDirectoryKey(new LocalBlobs(root))
    snapshot = await takeSnapshot(root, known.signedHere)
  } catch (error) {
    return unreadable(root, error)
  }
  if (snapshot.head === undefined) return notSealed(root, snapshot, known)
  const key = await chooseKey(snapshot.head, options, state, environment, directoryKey)
  try {
    const { report, later } = await verifySealed({
      root,
      environment,
      state,
      snapshot,
      head: snapshot.head,
      key,
      directoryKey,
      against,
      known,
      options,
    })
    const treeSize = MAY_HAVE_GONE.includes(report.verdict) ? ((await readHead(snapshot.blobs))?.treeSize ?? 0) : 0
    // What was pruned while this looked at it is not corrupt.
    const pruning = await findPruning(snapshot.blobs, treeSize)
    const isPruned = (pruning?.minimumIndex ?? 0) > (snapshot.pruning?.minimumIndex ?? 0)
    // Nor is what was redacted, by an event that was sealed behind the head which this looked at.
    const isRedacted =
      (later !== -1 && later < treeSize) ||
      (await wasRedactedSince(snapshot.blobs, lostPayloads(report), report.treeSize, treeSize))
    // And a key that took over meanwhile is not a wrong one.
    const isRekeyed = report.verdict === "wrong_key" && !haveSameKeys(snapshot.head, await readHead(snapshot.blobs))
    return isPruned || isRedacted || isRekeyed ? verifyLog(options, environment) : report
  } catch (error) {
    // A symbolic link in the place of a file of the log; what concerns the arguments or this user's own files is thrown.
    if (error instanceof AuditError && error.code === "UNSAFE_PATH") return unreadable(root, error)
    throw error
  }
}

/** Entries of which a value is missing. */
function lostPayloads({ findings }: VerificationReport): ReadonlySet<number> {
  const lost = findings.filter(({ verdict, index }) => verdict === "payload_damaged" && index !== undefined)
  return new Set(lost.map(({ index }) => index!))
}

/** Everything one verification looks at. */
interface Verification {
  readonly root: RootDirectory
  readonly state: StateDirectory
  readonly snapshot: Snapshot
  readonly environment: Environment
  readonly head: Checkpoint
  readonly key: TrustedKey | undefined
  readonly directoryKey: string | undefined
  readonly against: Checkpoint | undefined
  readonly known: KnownCheckpoints
  readonly options: VerifyOptions
}

async function verifySealed(
  verification: Verification,
): Promise<{ readonly report: VerificationReport; readonly later: number }> {
  const { root, state, environment, snapshot, head, directoryKey, options } = verification
  const older = olderCheckpoints(verification)
  const { pruning } = snapshot
  const from = pruning?.minimumIndex ?? 0
  const sequences = new SequenceCheck(from > 0)
  const kept = new Map<number, AuditEntry>()
  const redacted = new RedactedEntries()
  const ofKeys = new Map<number, AuditEntry>()
  const personal = await PersonalCheck.open(root, environment)
  const tree = await checkTree(snapshot.blobs, head, {
    directory: root.path,
    from,
    rootsAt: new Set([from, ...older.map(({ checkpoint }) => checkpoint.treeSize)]),
    onStretch: (stretch) => {
      sequences.see(stretch)
      redacted.see(stretch.redacted)
      for (const [index, bytes] of stretch.kept) {
        const entry = tryParse(bytes)
        if (entry === undefined) continue
        if (hasPersonal(entry)) personal.see(index, entry)
        if (holdsKept(entry)) kept.set(index, entry)
        if (tellsOfKey(entry)) ofKeys.set(index, entry)
      }
      // Where an event says that an entry was redacted, its values may be gone before it is.
      for (const index of stretch.named) {
        kept.delete(index)
        personal.forget(index)
      }
    },
    onProgress: (entriesChecked) => options.onProgress?.(entriesChecked),
  })
  sequences.see(runsOf(snapshot.tail))
  const sizes = older.map(({ checkpoint }) => checkpoint.treeSize)
  const chain = await chainOf(verification, tree, ofKeys, sizes)
  const { key } = chain
  const findings = [
    ...(await checkSignature(head, key, chain.keys, directoryKey)),
    ...chain.findings,
    ...tree.findings,
    ...older.flatMap((known) => checkExtends(head, known, tree.roots, from)),
    ...pruningFindings(pruning, tree.roots),
    ...redacted.findings(),
    ...(await identityFindings(verification)),
    ...(tree.entriesChecked === head.treeSize - from ? sequences.findings() : []),
    ...(await checkTail(root, snapshot)),
    ...(await payloadFindings(root, snapshot, kept)),
    ...(await personal.findings(snapshot)),
    ...publishedFindings(verification),
    ...tailFindings(snapshot),
    ...(await checkIndex(snapshot, options.index === true)),
  ]
  const verdict = worstVerdict(findings, "intact")
  // A head that is not published yet was seen by nobody else: remembered, it would make the published one look too old.
  const isPublished = snapshot.publishedSize === head.treeSize
  if (isGood(verdict) && key !== undefined && isPublished) await remember(state, root, head, key)
  const report = {
    ...reportOf(root, snapshot, verdict, findings),
    origin: head.origin,
    treeSize: head.treeSize,
    rootHash: head.rootHash,
    entriesChecked: tree.entriesChecked,
    ...(Object.values(personal.counts).some((count) => count > 0) ? { personalValues: personal.counts } : {}),
    ...(from === 0 ? {} : { prunedBelow: from }),
    ...(redacted.first.length === 0 ? {} : { redacted: redacted.first }),
    checkpoint: head,
    ...(key === undefined ? {} : { publicKey: key.verifierKey, keySource: key.source }),
    notProven: [...NOT_PROVEN, ...chain.notProven],
  }
  return { report, later: tree.later }
}

function runsOf(tail: Snapshot["tail"]): SequenceRuns {
  const runs = new SequenceRuns()
  for (const { entry } of tail) runs.see(entry, undefined)
  runs.close()
  return runs
}

/** What this user remembers of the log in a directory. */
interface KnownCheckpoints {
  /** Last seen at this path, whatever log it was. */
  readonly seenHere: Checkpoint | undefined
  /** Last signed by this user for the log whose private state lies here. */
  readonly signedHere: Checkpoint | undefined
  /** Whether that one is known to have been published. */
  readonly wasPublished: boolean
}

async function knownCheckpoints(root: RootDirectory, state: StateDirectory): Promise<KnownCheckpoints> {
  const seen = state.seenAt(root.path)
  const identity = await readIdentity(root).catch(() => undefined)
  const signed = identity === undefined ? undefined : state.signed(identity.origin)
  return {
    seenHere: seen === undefined ? undefined : parseCheckpoint(seen.note),
    signedHere: signed?.path === root.path ? parseCheckpoint(signed.note) : undefined,
    wasPublished: signed?.published === true,
  }
}

/** A checkpoint that this log must extend, and who says so. */
interface Known {
  readonly checkpoint: Checkpoint
  readonly said: string
}

function olderCheckpoints({ state, head, against, known }: Verification): Known[] {
  const older: Known[] = []
  if (against !== undefined) older.push({ checkpoint: against, said: "the checkpoint given" })
  const { seenHere, signedHere } = known
  if (seenHere?.origin === head.origin) older.push({ checkpoint: seenHere, said: "the checkpoint last seen here" })
  if (signedHere?.origin === head.origin)
    older.push({ checkpoint: signedHere, said: "the checkpoint last signed here" })
  // The same log elsewhere: one that is larger says that this is an older copy, one that is not must be a beginning.
  const elsewhere = [
    { remembered: state.seenOf(head.origin), said: "a checkpoint of this log seen elsewhere" },
    { remembered: state.signed(head.origin), said: "a checkpoint of this log signed elsewhere" },
  ]
  for (const { remembered, said } of elsewhere) {
    const checkpoint = remembered === undefined ? undefined : parseCheckpoint(remembered.note)
    if (checkpoint !== undefined && checkpoint.treeSize <= head.treeSize) older.push({ checkpoint, said })
  }
  return older
}

function checkExtends(
  head: Checkpoint,
  { checkpoint: old, said }: Known,
  roots: ReadonlyMap<number, Uint8Array>,
  prunedBelow: number,
): Finding[] {
  if (old.origin !== head.origin) {
    const message = `${said} is one of another log, ${JSON.stringify(old.origin)}`
    return [{ code: "other_origin", verdict: "wrong_key", message }]
  }
  if (old.treeSize > head.treeSize) {
    const message = `${said} has ${old.treeSize} entries, this log only ${head.treeSize}`
    return [{ code: "older_than_known", verdict: "truncated", message, index: head.treeSize }]
  }
  if (old.treeSize < prunedBelow) {
    const message = `${said} has ${old.treeSize} entries, all pruned since: whether this log extends it cannot be told`
    return [{ code: "checkpoint_pruned", message }]
  }
  const root = roots.get(old.treeSize)
  if (root === undefined || equalBytes(root, fromBase64(old.rootHash)!)) return []
  const message = `the first ${old.treeSize} entries are not those of ${said}`
  return [{ code: "inconsistent", verdict: "rewritten", message }]
}

/** Says what was pruned; the root that the record quotes must be the one that the rest of the tree is built on. */
function pruningFindings(pruning: Pruning | undefined, roots: ReadonlyMap<number, Uint8Array>): Finding[] {
  if (pruning === undefined) return []
  const { minimumIndex, record, entry } = pruning
  const root = roots.get(minimumIndex)
  if (root !== undefined && entry.details["root"] !== toBase64(root)) {
    const message = `the prune record at index ${record} quotes another root for the first ${minimumIndex} entries`
    return [{ code: "prune_record_wrong", verdict: "corrupt", message, index: record }]
  }
  const message = `the first ${minimumIndex} entries were pruned at ${entry.timestamp}, as entry ${record} says: what they held is not checked`
  return [{ code: "pruned", message, index: record }]
}

async function identityFindings({ root, state, head, known }: Verification): Promise<Finding[]> {
  const findings: Finding[] = []
  const { seenHere } = known
  if (seenHere !== undefined && seenHere.origin !== head.origin) {
    const message = `another log was seen in this directory before, ${JSON.stringify(seenHere.origin)}; if that is as it should be, run secureml audit verify --forget`
    findings.push({ code: "other_log_seen_here", verdict: "wrong_key", message })
  }
  const elsewhere = state.seenOf(head.origin)
  if (
    elsewhere !== undefined &&
    elsewhere.path !== root.path &&
    parseCheckpoint(elsewhere.note).treeSize > head.treeSize
  ) {
    const message = `this log was seen elsewhere with ${parseCheckpoint(elsewhere.note).treeSize} entries: this is an older copy`
    findings.push({ code: "older_copy", message })
  }
  const identity = await readIdentity(root).catch(() => undefined)
  if (identity !== undefined && identity.origin !== head.origin) {
    const message = "the private state belongs to another log than the published one"
    findings.push({ code: "state_of_another_log", verdict: "wrong_key", message, path: ".state/log.json" })
  }
  return findings
}

/** The head may be one that this user signed and that is not published: not yet, or not any more. */
function publishedFindings({ snapshot: { publishedSize }, head, known }: Verification): Finding[] {
  if (publishedSize === head.treeSize) return []
  const { seenHere, wasPublished } = known
  if (wasPublished || (seenHere !== undefined && seenHere.treeSize > (publishedSize ?? -1))) {
    const size = wasPublished ? head.treeSize : seenHere?.treeSize
    const message = `the published checkpoint is gone, or older than the one with ${size} entries that was published here`
    return [{ code: "checkpoint_missing", verdict: "truncated", message, path: "checkpoint" }]
  }
  const message = "the last checkpoint is signed and not published yet; the next seal publishes it"
  return [{ code: "not_published", message, path: "checkpoint" }]
}

function tailFindings({ tail, unreadable: lines, privateState }: Snapshot): Finding[] {
  const findings: Finding[] = []
  if (tail.length > 0) {
    const message = `${tail.length} recorded entries are not sealed yet: nothing proves them`
    findings.push({ code: "unsealed_tail", verdict: "unsealed_tail", message })
  }
  if (lines > 0)
    findings.push({
      code: "tail_malformed",
      verdict: "gap",
      message: `${lines} journal lines are no events of this format`,
    })
  if (!privateState)
    findings.push({
      code: "state_unreadable",
      message: "the private state cannot be read here: unsealed entries were not looked at",
    })
  return findings
}

async function payloadFindings(
  root: RootDirectory,
  { privateState }: Snapshot,
  kept: ReadonlyMap<number, AuditEntry>,
): Promise<Finding[]> {
  if (kept.size === 0) return []
  if (privateState && (await root.names(".state")).length > 0) return checkKeptValues(root, kept)
  const message = `${kept.size} entries have values kept beside the log, in the private state, which is not here: not checked`
  return [{ code: "payloads_unchecked", message }]
}

function isGood(verdict: Verdict): boolean {
  return verdict === "intact" || verdict === "unsealed_tail" || verdict === "torn_tail"
}

/** Remembers the head, forward only, and pins the key that vouches for it. */
async function remember(state: StateDirectory, root: RootDirectory, head: Checkpoint, key: TrustedKey): Promise<void> {
  const checkpoint = { origin: head.origin, path: root.path, note: head.note }
  const sizes = [state.seenAt(root.path), state.seenOf(head.origin)].map((known) =>
    known === undefined ? -1 : parseCheckpoint(known.note).treeSize,
  )
  try {
    if (head.treeSize > sizes[0]!) await state.rememberAt(checkpoint)
    if (head.treeSize > sizes[1]!) await state.rememberOf(checkpoint)
    const follows = key.source === "pinned" && key.verifierKey !== state.pin(head.origin)
    if (key.source === "first_use" || follows) await state.writePin(head.origin, key.verifierKey)
  } catch (error) {
    // A verdict must not depend on whether it can be remembered; the next one just knows less.
    const reason = error instanceof Error ? error.message : String(error)
    process.emitWarning(`the checkpoint could not be remembered: ${reason}`, {
      type: "SecuremlWarning",
      code: "NOT_REMEMBERED",
    })
  }
}

function parseAgainst(against: string | Checkpoint): Checkpoint {
  return parseCheckpoint(typeof against === "string" ? against : against.note)
}

function reportOf(
  root: RootDirectory,
  snapshot: Snapshot | undefined,
  verdict: Verdict,
  findings: readonly Finding[],
): VerificationReport {
  return {
    verdict,
    findings,
    logDir: root.path,
    treeSize: 0,
    rootHash: EMPTY_ROOT_TEXT,
    entriesChecked: 0,
    unsealed: snapshot?.tail.length ?? 0,
    notProven: NOT_PROVEN,
  }
}

function nothingThere(logDir: string): VerificationReport {
  const finding: Finding = { code: "no_log", verdict: "unverifiable", message: "there is no log in this directory" }
  return {
    verdict: "unverifiable",
    findings: [finding],
    logDir,
    treeSize: 0,
    rootHash: EMPTY_ROOT_TEXT,
    entriesChecked: 0,
    unsealed: 0,
    notProven: NOT_PROVEN,
  }
}

function unreadable(root: RootDirectory, error: unknown): VerificationReport {
  if (!(error instanceof AuditError)) throw error
  const message = `the log cannot be read: ${error.message}`
  return reportOf(root, undefined, "corrupt", [{ code: error.code.toLowerCase(), verdict: "corrupt", message }])
}

/** A directory without a checkpoint: one that was never sealed, or one whose checkpoint was taken away. */
async function notSealed(
  root: RootDirectory,
  snapshot: Snapshot,
  known: KnownCheckpoints,
): Promise<VerificationReport> {
  const findings: Finding[] = [...(await checkTail(root, snapshot))]
  const remembered = known.seenHere ?? known.signedHere
  const tiles = await snapshot.blobs.list("tile/0")
  if (remembered !== undefined) {
    const message = `the checkpoint is gone, although one with ${remembered.treeSize} entries was seen here`
    findings.push({ code: "checkpoint_missing", verdict: "truncated", message, path: "checkpoint" })
  } else if (tiles.length > 0) {
    // A first seal that is under way, or was cut off, looks the same as a checkpoint taken away.
    const message = "there are tiles, but no checkpoint yet, or none any more: seal again, or compare with a copy"
    findings.push({ code: "checkpoint_missing", verdict: "unverifiable", message, path: "checkpoint" })
  }
  const unsealed = snapshot.tail.length
  const message =
    unsealed > 0
      ? `${unsealed} entries are recorded, none is sealed: nothing proves them`
      : "there is no log in this directory"
  findings.push({ code: unsealed > 0 ? "nothing_sealed" : "no_log", verdict: "unverifiable", message })
  return reportOf(root, snapshot, worstVerdict(findings, "unverifiable"), findings)
}
