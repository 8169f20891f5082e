/**
 * Who approved: checks and approvals of a model between its training and a decision.
 * @module
 */
import type { AuditRecord } from "../event/index.ts"
import { type Clues, type Match, matchModel, modelClues } from "./lineage-clues.ts"
import { gather, isBefore, type Link, operationFieldOf, operationsAround } from "./lineage-search.ts"

/** Types by which a caller records an approval; they are documented. */
const APPROVALS = ["approval", "model_approval", "model_approved", "model_rejected"]
const PASSED = /^(?:true|pass|passed|ok|approve|approved|compliant|success|successful|granted|yes)$/i

/** Checks and approvals before a decision, in ledger order. */
export interface Approvals {
  readonly passed: readonly Link[]
  readonly refused: readonly Link[]
  /** How many there are behind the decision. */
  readonly later: number
  readonly isCut: boolean
}

/**
 * Looks for checks and approvals of a decision's model.
 * @param training - The training that was chosen; what was approved before it was approved for another.
 */
export async function approvalsOf(
  decision: AuditRecord,
  wanted: Clues,
  training: AuditRecord | undefined,
  logDir: string,
): Promise<Approvals> {
  const around = operationsAround(decision, training)
  const texts = new Set([...wanted.digests, ...wanted.ids, ...wanted.names].map(({ value }) => value))
  const sources = [...[...texts].map((text) => ({ text })), { operationId: around }]
  let later = 0
  const { found, isCut } = await gather(
    { eventType: ["compliance_check", ...APPROVALS] },
    sources,
    logDir,
    (record): Match | undefined => {
      const match = matchModel(wanted, modelClues(record), operationFieldOf(record, around))
      if (match === undefined) return undefined
      if (!isBefore(record, decision)) {
        later += 1
        return undefined
      }
      const isOlder = training !== undefined && match.certainty !== "digest" && isBefore(record, training)
      return isOlder ? { ...match, conflicts: [...match.conflicts, "time"] } : match
    },
  )
  const passed = found.filter(({ record }) => isPassed(record))
  return { passed, refused: found.filter((link) => !passed.includes(link)), later, isCut }
}

function isPassed({ event_type, details }: AuditRecord): boolean {
  const { result, approved } = details
  if (event_type === "model_rejected" || approved === false) return false
  if (event_type !== "compliance_check" && result === undefined) return true
  return result === true || (typeof result === "string" && PASSED.test(result.trim()))
}
