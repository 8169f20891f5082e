/**
 * A temporary place for a test: a log directory and a state directory of its own, removed afterwards.
 * @module
 */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach } from "vitest"
import { closeLedgersUnder } from "../src/ledger/index.ts"

/** Paths of the running test. */
export interface Place {
  directory: string
  logDir: string
  stateDir: string
}

/** Gives every test of the file its own place, and points `$SECUREML_STATE_DIR` there. */
export function usePlace(): Place {
  const place: Place = { directory: "", logDir: "", stateDir: "" }
  const before = process.env["SECUREML_STATE_DIR"]
  beforeEach(() => {
    place.directory = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "secureml-")))
    place.logDir = join(place.directory, "log")
    place.stateDir = join(place.directory, "state")
    process.env["SECUREML_STATE_DIR"] = place.stateDir
  })
  afterEach(async () => {
    await closeLedgersUnder(place.directory)
    fs.rmSync(place.directory, { recursive: true, force: true })
    if (before === undefined) delete process.env["SECUREML_STATE_DIR"]
    else process.env["SECUREML_STATE_DIR"] = before
  })
  return place
}

/** Every byte that the product keeps in a place. */
export function everyByte({ logDir, stateDir }: Place): Buffer {
  const paths = [logDir, stateDir].flatMap((directory) =>
    fs.readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name))),
  )
  return Buffer.concat(paths.filter((path) => fs.statSync(path).isFile()).map((path) => fs.readFileSync(path)))
}

/** Makes whatever this process would record next come from a new process: its ledgers are closed and forgotten. */
export async function restart(place: Place): Promise<void> {
  await closeLedgersUnder(place.directory)
}
