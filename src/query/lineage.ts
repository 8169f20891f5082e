/**
 * Lineage: from a decision to the training of its model, to the data of that training and its purpose, and to those who
 * approved. Every link is an event of the log, with the reason for it; what is not there is said.
 * @module
 */
import { AuditError } from "../errors.ts"
import type { AuditRecord } from "../event/index.ts"
import { findRecord } from "./find.ts"
import { type Approvals, approvalsOf } from "./lineage-approvals.ts"
import { type Clue, type Clues, type LinkCertainty, matchModel, modelClues } from "./lineage-clues.ts"
import { dataOf } from "./lineage-data.ts"
import {
  chosenAmong,
  gather,
  isBefore,
  type Link,
  MOST_LINKS,
  operationFieldOf,
  operationsAround,
} from "./lineage-search.ts"

/** Trainings whose data is looked for, the latest. */
const MOST_FOLLOWED = 10

/** One event that a trace leads to. */
export interface TraceLink {
  /** Null while it is not sealed. */
  readonly index: number | null
  readonly eventId: string
  /** How certain it is that the event belongs here. */
  readonly certainty: LinkCertainty
  /** Fields of the event that led to it, such as "details.model_id". */
  readonly matched: readonly string[]
  /**
   * What speaks against it: "model_id", "model_version", "model_digest" or "dataset_digest" where both name one and it is
   * another; "time" for an approval that is older than the training.
   */
  readonly conflicts: readonly string[]
  readonly record: AuditRecord
}

/** One of several events that may be the one. */
export interface TraceCandidate extends TraceLink {
  /** Of those without conflicts the most certain one, and of several such the latest. */
  readonly isChosen: boolean
}

/** A training, and the data that went into it. */
export interface TracedTraining extends TraceCandidate {
  /** Accesses and transformations before the training; null where they were not looked for. */
  readonly data: readonly TraceLink[] | null
}

/** A question that the log does not answer, or not in full. */
export interface MissingHop {
  readonly hop: "model" | "model_version" | "training" | "data" | "purpose" | "approval"
  readonly reason: string
}

/** What a decision rests on, as far as the log says. */
export interface DecisionTrace {
  readonly decision: AuditRecord
  /** As the decision names it; null where it does not. */
  readonly model: { readonly id: string | null; readonly version: string | null; readonly digest: string | null }
  /** In ledger order, all before the decision. */
  readonly trainings: readonly TracedTraining[]
  /** Checks that passed, and approvals, before the decision. */
  readonly approvals: readonly TraceCandidate[]
  /** Checks that did not pass, and approvals that were refused. */
  readonly rejections: readonly TraceLink[]
  readonly missing: readonly MissingHop[]
}

/**
 * Traces a decision.
 *
 * @param event - Its event id, or its ledger index.
 * @throws {@link AuditError} `EVENT_NOT_FOUND`, `NOT_A_DECISION`.
 */
export async function traceOf(logDir: string, event: string | number): Promise<DecisionTrace> {
  const decision = await findRecord(logDir, event)
  const clues = modelClues(decision)
  if (!isDecision(decision, clues)) {
    throw new AuditError(
      "NOT_A_DECISION",
      `event ${decision.event_id} is not of type model_inference and names no model: there is nothing to trace`,
    )
  }
  const model = { id: first(clues.ids), version: first(clues.versions), digest: first(clues.digests) }
  const missing = modelMissing(model)
  const trainings = await trainingsOf(decision, clues, missing, logDir)
  const chosen = trainings.find(({ isChosen }) => isChosen)
  if (chosen !== undefined) missing.push(...dataMissing(chosen.data ?? []))
  const approvals = await approvalsOf(decision, clues, chosen?.record, logDir)
  missing.push(...approvalMissing(approvals))
  const approved = chosenAmong(approvals.passed)
  return {
    decision,
    model,
    trainings,
    approvals: approvals.passed.map((link) => ({ ...toTraceLink(link), isChosen: link === approved })),
    rejections: approvals.refused.map(toTraceLink),
    missing,
  }
}

/** How many events a trace consists of. */
export function eventsIn({ trainings, approvals, rejections }: DecisionTrace): number {
  const data = trainings.reduce((sum, training) => sum + (training.data?.length ?? 0), 0)
  return 1 + trainings.length + data + approvals.length + rejections.length
}

/** Other types of our own about a model: what they say is no decision. */
const NO_DECISIONS = ["model_training", "compliance_check", "data_access", "data_transformation"]

/** What a model decided, or an event of a caller's own type that names one in its details. */
function isDecision({ event_type }: AuditRecord, { ids, digests }: Clues): boolean {
  if (event_type === "model_inference") return true
  return !NO_DECISIONS.includes(event_type) && [...ids, ...digests].some(({ field }) => field.startsWith("details."))
}

async function trainingsOf(
  decision: AuditRecord,
  clues: Clues,
  missing: MissingHop[],
  logDir: string,
): Promise<TracedTraining[]> {
  const around = operationsAround(decision)
  const texts = new Set([...clues.digests, ...clues.ids, ...clues.names].map(({ value }) => value))
  const sources = [...[...texts].map((text) => ({ text })), { operationId: around }]
  let later = 0
  const { found, isCut } = await gather({ eventType: "model_training" }, sources, logDir, (record) => {
    const match = matchModel(clues, modelClues(record), operationFieldOf(record, around))
    if (match === undefined || isBefore(record, decision)) return match
    later += 1
    return undefined
  })
  const chosen = chosenAmong(found)
  if (isCut) missing.push({ hop: "training", reason: cutReason("trainings") })
  if (chosen === undefined) missing.push({ hop: "training", reason: trainingReason(found.length, later) })
  const sound = found.filter(({ conflicts }) => conflicts.length === 0)
  // The chosen one is not always among the latest.
  const followed = new Set([...sound.slice(-MOST_FOLLOWED), ...(chosen === undefined ? [] : [chosen])])
  const trainings: TracedTraining[] = []
  for (const link of found) {
    const data = followed.has(link) ? await dataOf(link.record, logDir) : undefined
    if (link === chosen && data?.isCut === true) missing.push({ hop: "data", reason: cutReason("accesses") })
    trainings.push({ ...toTraceLink(link), isChosen: link === chosen, data: data?.found.map(toTraceLink) ?? null })
  }
  return trainings
}

function modelMissing({ id, version, digest }: DecisionTrace["model"]): MissingHop[] {
  const missing: MissingHop[] = []
  if (id === null && digest === null) missing.push({ hop: "model", reason: "the decision names no model" })
  if (version === null && digest === null) {
    const reason = "the decision names neither a model_version (in the context) nor a model_digest (in its evidence)"
    missing.push({ hop: "model_version", reason })
  }
  return missing
}

function trainingReason(withConflicts: number, later: number): string {
  const seen: string[] = []
  if (withConflicts > 0) seen.push(`something speaks against each of the ${withConflicts} that may be meant`)
  if (later > 0) seen.push(`${later} stand only behind the decision`)
  return `no training of this model stands before the decision${seen.length === 0 ? "" : `: ${seen.join("; ")}`}`
}

function dataMissing(data: readonly TraceLink[]): MissingHop[] {
  const sound = data.filter(({ conflicts }) => conflicts.length === 0)
  if (sound.length === 0) {
    const more = data.length === 0 ? "" : `: something speaks against each of the ${data.length} that may be meant`
    return [{ hop: "data", reason: `no access to the training's data stands before it${more}` }]
  }
  const hasPurpose = sound.some(({ record: { details } }) => typeof details["purpose"] === "string")
  return hasPurpose ? [] : [{ hop: "purpose", reason: "no access to the training's data says for what purpose" }]
}

function approvalMissing({ passed, refused, later, isCut }: Approvals): MissingHop[] {
  const missing: MissingHop[] = isCut ? [{ hop: "approval", reason: cutReason("checks and approvals") }] : []
  if (chosenAmong(passed) !== undefined) return missing
  const seen: string[] = []
  if (passed.length > 0) seen.push(`something speaks against each of the ${passed.length} that may be meant`)
  if (refused.length > 0) seen.push(`${refused.length} did not pass`)
  if (later > 0) seen.push(`${later} stand only behind the decision`)
  const reason = `no check that passed and no approval stands between training and decision${seen.length === 0 ? "" : `: ${seen.join("; ")}`}`
  return [...missing, { hop: "approval", reason }]
}

function cutReason(what: string): string {
  return `there are more ${what} than the newest ${MOST_LINKS}, which alone are given`
}

function toTraceLink({ record, certainty, matched, conflicts }: Link): TraceLink {
  return { index: record.index, eventId: record.event_id, certainty, matched, conflicts, record }
}

function first(clues: readonly Clue[]): string | null {
  return clues[0]?.value ?? null
}
