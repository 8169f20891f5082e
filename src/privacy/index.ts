/**
 * Privacy: what must not be stored is replaced before anything is. Floor 2; no I/O.
 * @module
 */

export type { Redactor } from "../event/index.ts"
export {
  type Committed,
  commitmentOf,
  type ImportedLine,
  importedId,
  lineCommitmentOf,
  opensCommitment,
} from "./commitment.ts"
export { createRedactor, type RedactFunction, type RedactOptions } from "./redactor.ts"
