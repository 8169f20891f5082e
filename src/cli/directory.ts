/**
 * Which log a command is about, and that it is there. Reads only.
 * @module
 */
import { resolve } from "node:path"
import { InvalidArgumentError, Option } from "commander"
import { DEFAULT_LOG_DIR } from "../capture/index.ts"
import { AuditError } from "../errors.ts"
import { findLogDirectory, type RootDirectory } from "../store/index.ts"

/** Options that every command has. */
export interface CommonFlags {
  readonly logDir?: string
  readonly json?: boolean
}

/** `--log-dir`, for every command. */
export function logDirOption(): Option {
  const meaning = `log directory (default: $SECUREML_AUDIT_DIR, else ${DEFAULT_LOG_DIR})`
  return new Option("--log-dir <directory>", meaning).argParser(directoryName)
}

/** Empty is what a shell makes of a variable that is not set: nobody means the current directory by it. */
function directoryName(text: string): string {
  if (text === "") throw new InvalidArgumentError("It must not be empty.")
  return text
}

/** `--json`, for every command. */
export function jsonOption(what: string): Option {
  return new Option("--json", what)
}

/**
 * Absolute path of the log directory that the flags or the environment name.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE`: the path is relative to a directory that was deleted.
 */
export function logDirOf({ logDir }: CommonFlags): string {
  const path = logDir ?? (process.env["SECUREML_AUDIT_DIR"] || DEFAULT_LOG_DIR)
  try {
    return resolve(path)
  } catch (error) {
    const message = `the log directory ${path} cannot be found: the current directory is gone; give an absolute path with --log-dir or $SECUREML_AUDIT_DIR`
    throw new AuditError("LOG_DIR_UNREADABLE", message, { cause: error })
  }
}

/**
 * The log directory, opened for reading.
 * @throws {@link AuditError} `LOG_DIR_UNREADABLE` naming the absolute path when there is none.
 */
export function requireLog(flags: CommonFlags): RootDirectory {
  const path = logDirOf(flags)
  const root = findLogDirectory(path)
  if (root !== undefined) return root
  throw new AuditError(
    "LOG_DIR_UNREADABLE",
    `there is no log directory ${path}; name another with --log-dir or $SECUREML_AUDIT_DIR`,
  )
}
