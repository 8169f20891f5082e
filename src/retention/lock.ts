/**
 * One at a time: nobody prunes while a hold is being added, and nobody adds one to what is being pruned. Does I/O.
 * @module
 */
import { AuditError } from "../errors.ts"
import { findLogDirectory, LocalMutex, RETENTION_LOCK_FILE, type RootDirectory } from "../store/index.ts"

const PATIENCE_MS = 10_000
const STEP_MS = 20
const { setTimeout: startTimer } = globalThis

/** @throws {@link AuditError} `LOG_DIR_UNREADABLE` when there is no log. */
export function requireRoot(logDir: string): RootDirectory {
  const root = findLogDirectory(logDir)
  if (root !== undefined) return root
  throw new AuditError(
    "LOG_DIR_UNREADABLE",
    `there is no log directory ${logDir}; name another with --log-dir or $SECUREML_AUDIT_DIR`,
  )
}

/**
 * Does some work holding the retention lock of a log; a process that dies lets go of it.
 * @throws {@link AuditError} `RETENTION_BUSY`, `SEALING_UNAVAILABLE` where no SQLite is installed.
 */
export function locked<T>(root: RootDirectory, work: () => Promise<T>): Promise<T> {
  const busy =
    "another process is pruning or redacting this log, adding a hold, or erasing or restricting a person; nothing was done"
  return holding(LocalMutex.open(root, RETENTION_LOCK_FILE), busy, work)
}

/**
 * Does some work while nobody seals; recording goes on.
 * @throws {@link AuditError} as {@link locked}.
 */
export function whileNobodySeals<T>(root: RootDirectory, work: () => Promise<T>): Promise<T> {
  return holding(LocalMutex.open(root), "another process is sealing this log all the time; run it again", work)
}

async function holding<T>(lock: LocalMutex | undefined, busy: string, work: () => Promise<T>): Promise<T> {
  if (lock === undefined) {
    throw new AuditError(
      "SEALING_UNAVAILABLE",
      "no SQLite here to lock the log with: install the optional dependency libsql, or use Node 22.13 or later",
    )
  }
  try {
    for (let waitedMs = 0; !lock.tryAcquire(); waitedMs += STEP_MS) {
      if (waitedMs > PATIENCE_MS) throw new AuditError("RETENTION_BUSY", busy)
      await new Promise((resolve) => startTimer(resolve, STEP_MS))
    }
    try {
      return await work()
    } finally {
      lock.release()
    }
  } finally {
    lock.close()
  }
}
