/**
 * What verification can say: verdicts in their order of precedence, findings, and what no verification proves.
 * @module
 */

/** Verdicts, worst first; each has its own exit code on the command line. */
export const VERDICTS = [
  "corrupt",
  "rewritten",
  "wrong_key",
  "truncated",
  "payload_damaged",
  "gap",
  "unverifiable",
  "torn_tail",
  "unsealed_tail",
  "intact",
] as const

/** One of {@link VERDICTS}. */
export type Verdict = (typeof VERDICTS)[number]

/** One thing that verification found. */
export interface Finding {
  /** Stable name of the kind of finding; docs/format.md, "Findings". */
  readonly code: string
  /** The verdict that this finding alone leads to; undefined when it is only worth knowing. */
  readonly verdict?: Verdict
  /** What was found, in plain words. Never event content. */
  readonly message: string
  /** First ledger index concerned. */
  readonly index?: number
  /** File concerned, inside the log directory. */
  readonly path?: string
}

/** Said with every report, whatever its verdict. */
export const NOT_PROVEN: readonly string[] = [
  "that every event was logged: what was never recorded leaves no trace",
  "that the times are true: they are the recording machine's own clock",
  "that whoever holds the signing key did not rewrite what no outsider has seen: compare with a checkpoint kept elsewhere (--against)",
]

/** The worst verdict among findings; `otherwise` when none has one. */
export function worstVerdict(findings: readonly Finding[], otherwise: Verdict): Verdict {
  const ranks = findings.flatMap(({ verdict }) => (verdict === undefined ? [] : [VERDICTS.indexOf(verdict)]))
  return VERDICTS[Math.min(VERDICTS.indexOf(otherwise), ...ranks)]!
}
