/**
 * The one error class of the product, with its closed list of codes. Pure.
 * Every code has a section of the same name in docs/errors.md; a test compares the two lists.
 * @module
 */

/** Codes are public API: add, never rename. */
export const AUDIT_ERROR_CODES = [
  // proof: strict parsers and checks
  "TREE_SIZE_MALFORMED",
  "ROOT_HASH_MALFORMED",
  "ORIGIN_MALFORMED",
  "CHECKPOINT_MALFORMED",
  "NOTE_NOT_TEXT",
  "NOTE_MALFORMED",
  "NOTE_SIGNATURE_MALFORMED",
  "NOTE_TOO_MANY_SIGNATURES",
  "NOTE_UNSIGNED",
  "NOTE_SIGNATURE_WRONG",
  "KEY_NAME_MALFORMED",
  "VERIFIER_KEY_MALFORMED",
  "VERIFIER_KEY_ID_MISMATCH",
  "VERIFIER_KEY_TYPE_UNKNOWN",
  "VERIFIER_KEY_TYPE_WRONG",
  "SIGNER_KEY_MALFORMED",
  "SIGNER_KEY_TYPE_UNKNOWN",
  "SIGNER_KEY_ID_MISMATCH",
  "KEY_STATEMENT_MALFORMED",
  "CHECKPOINT_ORIGIN_MISMATCH",
  "COSIGNATURE_MALFORMED",
  "PROOF_MALFORMED",
  "PROOF_HASH_MALFORMED",
  "PROOF_LENGTH_WRONG",
  "LEAF_HASH_MALFORMED",
  "INDEX_OUT_OF_RANGE",
  "INCLUSION_PROOF_WRONG",
  "CONSISTENCY_PROOF_WRONG",
  "TREE_SHRANK",
  "TILE_MALFORMED",
  "TILE_PATH_MALFORMED",
  "BUNDLE_MALFORMED",
  "BUNDLE_TRAILING_BYTES",
  "EVIDENCE_FILES_WRONG",
  "EVIDENCE_TOO_LARGE",
  "EVIDENCE_MALFORMED",
  "EVIDENCE_MISMATCH",
  // trail
  "TRAIL_CLOSED",
  "LOG_DIR_NOT_WRITABLE",
  "LOG_DIR_UNREADABLE",
  "RECORD_FAILED",
  "NOT_DURABLE",
  "PLATFORM_UNSUPPORTED",
  "NETWORK_FILE_SYSTEM",
  // sealing
  "SEALING_UNAVAILABLE",
  "LOG_ROLLED_BACK",
  "LEDGER_CORRUPT",
  "TREE_STATE_DAMAGED",
  "JOURNAL_GAP",
  "IDENTITY_MALFORMED",
  "KEY_FILE_INSECURE",
  "STATE_DIRECTORY_DAMAGED",
  "UNSAFE_PATH",
  "PUBLISH_CONFLICT",
  // keys
  "ROTATION_OPEN",
  "ROTATION_NOT_OPEN",
  "KEY_NOT_LOST",
  "KEY_NOT_OF_LOG",
  "KEY_COPY_MALFORMED",
  // personal values
  "VAULT_MISSING",
  "VAULT_KEY_WRONG",
  // reading
  "EVENT_NOT_FOUND",
  "EVENT_NOT_SEALED",
  "EVENT_PRUNED",
  "ENTRY_REDACTED",
  "OPERATION_NOT_FOUND",
  "NOT_A_DECISION",
  "ENTRY_MALFORMED",
  "ENTRY_TOO_LARGE",
  "CURSOR_MALFORMED",
  "INDEX_UNAVAILABLE",
  "NOTHING_TO_RECOVER",
  // retention
  "RETENTION_POLICY_MALFORMED",
  "RETENTION_CONFLICT",
  "RETENTION_TOO_EARLY",
  "RETENTION_HELD",
  "RETENTION_BUSY",
  "HOLD_NOT_FOUND",
  "REDACTION_REFUSED",
  // regulations
  "CALENDAR_LIBRARY_MISSING",
  "CATALOGUE_MALFORMED",
  "PROFILE_MALFORMED",
  // importing
  "IMPORT_SOURCE_UNREADABLE",
  "IMPORT_KEY_MISSING",
  "IMPORT_BUSY",
] as const

/** One of {@link AUDIT_ERROR_CODES}. */
export type AuditErrorCode = (typeof AUDIT_ERROR_CODES)[number]

/**
 * What every door of this package throws when something could not be done. Match on `code`;
 * the message may change in any release.
 *
 * @example
 * ```ts
 * try {
 *   audit.logEvent("export_requested", {})
 * } catch (error) {
 *   if (error instanceof AuditError && error.code === "TRAIL_CLOSED") reopen()
 * }
 * ```
 */
export class AuditError extends Error {
  override readonly name = "AuditError"
  readonly code: AuditErrorCode

  /** @param message - What happened, then what to do. Never event content or key material. */
  constructor(code: AuditErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
