/**
 * Importers: logs that others wrote, recorded as marked events. Reads any file as untrusted. Does I/O.
 * @module
 */
export { IMPORT_KINDS, type ImportKind, type ImportOptions, importLogs } from "./import-log.ts"
export type { DamagedPlace, ImportReport, UnreadPlace } from "./report.ts"
