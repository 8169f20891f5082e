/**
 * The key of a log and the directory that it is kept in. Reads only.
 * @module
 */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, resolve, sep } from "node:path"
import { AuditError } from "../../errors.ts"
import { type Identity, keysOf, ownVerifierKeys, readIdentity } from "../../ledger/index.ts"
import { StateDirectory } from "../../store/index.ts"
import { type Diagnosis, note, ok, type Patient, problem } from "./diagnosis.ts"
import { fileSystemOf } from "./platform.ts"

const TEMPORARY = ["/tmp", "/var/tmp", "/run", "/dev/shm"]
const LOSS = "without the key nobody can seal this log again"

/** Looks at the key and at what keeps it. */
export async function examineKeys(patient: Patient): Promise<Diagnosis[]> {
  let state: StateDirectory
  try {
    state = new StateDirectory(patient.environment)
  } catch (error) {
    return [
      problem(
        "state_directory",
        `this user has no home directory (${String(error)})`,
        "set SECUREML_STATE_DIR to a directory that stays",
      ),
    ]
  }
  return [...stateDirectory(state.path, patient), ...(await key(state, patient))]
}

function stateDirectory(path: string, { root, environment }: Patient): Diagnosis[] {
  const check = "state_directory"
  const found: Diagnosis[] = []
  if (isInside(path, root.path))
    found.push(
      problem(
        check,
        `the state directory ${path} is inside the log: whoever can read the log has the key`,
        "set SECUREML_STATE_DIR to a directory elsewhere",
      ),
    )
  const why = ephemeral(path)
  if (why !== undefined)
    found.push(
      problem(
        check,
        `the state directory ${path} ${why}: ${LOSS}`,
        "set SECUREML_STATE_DIR to a directory that stays, on a volume in a container, and move what is in it there",
      ),
    )
  else if (inContainer(path))
    found.push(
      note(
        check,
        `the state directory ${path} is in the writable layer of a container: ${LOSS} once the container is gone`,
        "put it on a volume and set SECUREML_STATE_DIR",
      ),
    )
  const { SECUREML_STATE_DIR, XDG_STATE_HOME, HOME } = environment
  if (!(SECUREML_STATE_DIR || XDG_STATE_HOME || HOME) && process.platform !== "win32")
    found.push(
      note(
        check,
        `HOME is not set, so the state directory is ${path}: another way of starting may find another one`,
        "set SECUREML_STATE_DIR",
      ),
    )
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats !== undefined && process.platform !== "win32" && (stats.mode & 0o077) !== 0)
    found.push(problem(check, `others can look into the state directory ${path}`, `run chmod 700 ${path}`))
  if (found.length > 0) return found
  return [ok(check, stats === undefined ? `${path} is not made yet` : `${path} is private`)]
}

/** Why a directory will not last, or undefined. */
function ephemeral(path: string): string | undefined {
  const places = new Set([...TEMPORARY, resolve(tmpdir())])
  for (const place of places) if (isInside(path, place)) return `is below ${place}, which is emptied`
  const there = nearest(path)
  return there !== undefined && fileSystemOf(there).inMemory
    ? `is on ${fileSystemOf(there).name}, which a restart empties`
    : undefined
}

function inContainer(path: string): boolean {
  const there = nearest(path)
  return there !== undefined && fileSystemOf(there).overlay
}

/** The path itself, or the nearest directory above it that exists. */
function nearest(path: string): string | undefined {
  for (let at = path; ; at = dirname(at)) {
    if (fs.existsSync(at)) return at
    if (dirname(at) === at) return undefined
  }
}

function isInside(path: string, directory: string): boolean {
  return `${path}${sep}`.startsWith(`${directory}${sep}`)
}

async function key(state: StateDirectory, { root, environment }: Patient): Promise<Diagnosis[]> {
  const check = "key"
  try {
    const identity = await readIdentity(root)
    if (identity === undefined)
      return [
        note(
          check,
          "nothing is sealed yet, so the log has no key",
          "it gets one with its first seal; run secureml audit seal",
        ),
      ]
    const own = await ownVerifierKeys(identity.origin, state, environment)
    const found = own.includes(identity.verifierKey)
      ? keyHere(keysOf(identity.origin, state, environment).path, root.path)
      : keyElsewhere(identity, own[0])
    return [found, await copyOfKey(identity, root)]
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    return [problem(check, error.message, `see docs/errors.md, ${error.code}`)]
  }
}

function keyHere(file: string, logDir: string): Diagnosis {
  const path = resolve(file)
  if (isInside(path, logDir))
    return problem(
      "key",
      `the signing key ${path} is inside the log: whoever can read the log can sign it`,
      "move it out, and name its new place in SECUREML_SIGNING_KEY_FILE",
    )
  return ok("key", `this user can sign: ${path}`)
}

function keyElsewhere({ origin }: Identity, own: string | undefined): Diagnosis {
  if (own === undefined)
    return note(
      "key",
      `the signing key of ${origin} is not here`,
      "this user records and verifies; sealing is for whoever has the key",
    )
  return problem(
    "key",
    `this user's key of ${origin} is not the one that the log was made with`,
    "find the right one, or see docs/errors.md, LOG_ROLLED_BACK",
  )
}

async function copyOfKey({ verifierKey }: Identity, root: Patient["root"]): Promise<Diagnosis> {
  const bytes = await root.read("vkey")
  if (bytes !== undefined && Buffer.from(bytes).toString().trimEnd() === verifierKey)
    return ok("verifier_key", "the file vkey holds the key of the log")
  return problem(
    "verifier_key",
    `the file vkey ${bytes === undefined ? "is missing" : "holds another key than .state/log.json"}`,
    "run secureml audit verify, and compare with the key that you gave to others",
  )
}
