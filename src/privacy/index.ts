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
export {
  checkDeclared,
  checkPrivacy,
  declarePersonal,
  type PersonalPath,
  type PrivacyOptions,
} from "./declare.ts"
export { PersonalValues } from "./personal-values.ts"
export { createRedactor, type RedactFunction, type RedactOptions } from "./redactor.ts"
export { openValues, type PersonalValue, sealValues } from "./sealed-values.ts"
