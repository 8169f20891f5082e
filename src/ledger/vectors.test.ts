import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { restart, usePlace } from "../../test/place.ts"
import { parseSignerKey } from "../proof/index.ts"
import {
  LocalBlobs,
  LocalJournal,
  LocalMutex,
  LocalPayloads,
  openLogDirectory,
  PARTS_DIRECTORY,
  StateDirectory,
} from "../store/index.ts"
import type { SealContext } from "./context.ts"
import { seal } from "./seal.ts"
import { Writer } from "./writer.ts"

interface Recorded {
  skey: string
  origin: string
  logs: { size: number; root: string; checkpoint: string; tile_sha256: Record<string, string> }[]
}

const FILE = new URL("../../../shared/vectors/tessera-logs.json", import.meta.url)
const present = fs.existsSync(FILE)
const vectors: Recorded = present ? JSON.parse(fs.readFileSync(FILE, "utf8")) : { skey: "", origin: "", logs: [] }
const place = usePlace()

function context(): SealContext {
  const root = openLogDirectory(place.logDir, undefined)
  const keyFile = `${place.directory}/recorded.skey`
  fs.writeFileSync(keyFile, vectors.skey, { mode: 0o600 })
  const environment = { SECUREML_STATE_DIR: place.stateDir, SECUREML_SIGNING_KEY_FILE: keyFile }
  return {
    root,
    journal: new LocalJournal(root),
    parts: new LocalJournal(root, PARTS_DIRECTORY),
    vault: () => undefined,
    payloadsAside: () => [],
    keepsPersonal: () => false,
    payloads: () => LocalPayloads.open(root, true),
    blobs: new LocalBlobs(root),
    state: new StateDirectory(environment),
    environment,
    mutex: LocalMutex.open(root),
    timeKey: () => "",
    blanks: { recordNamedBy: () => undefined, blankFor: () => undefined },
    nowMs: Date.now,
  }
}

describe.skipIf(!present)(
  "the log that Tessera's POSIX driver publishes (skipped when ../shared/vectors is absent)",
  () => {
    test.each(vectors.logs.map((log) => [log.size, log] as const))("size %i, byte for byte", async (size, log) => {
      const sealing = context()
      const writer = new Writer(sealing.journal, sealing.parts, () => undefined)
      for (let n = 0; n < size; n++) writer.append(() => `entry-${n}`)
      await seal(sealing, { align: false })
      expect(fs.readFileSync(`${place.logDir}/checkpoint`, "utf8")).toBe(log.checkpoint)
      for (const [path, digest] of Object.entries(log.tile_sha256)) {
        expect([
          path,
          createHash("sha256")
            .update(fs.readFileSync(`${place.logDir}/${path}`))
            .digest("hex"),
        ]).toEqual([path, digest])
      }
      writer.close()
      sealing.mutex!.close()
      await restart(place)
    })

    test("the same log, grown in many seals, ends in the same checkpoint", async () => {
      const sealing = context()
      const writer = new Writer(sealing.journal, sealing.parts, () => undefined)
      const last = vectors.logs.at(-1)!
      for (let n = 0; n < last.size; n++) {
        writer.append(() => `entry-${n}`)
        if (n % 617 === 3) await seal(sealing, { align: n % 2 === 0 })
      }
      await seal(sealing, { align: false })
      expect(fs.readFileSync(`${place.logDir}/checkpoint`, "utf8")).toBe(last.checkpoint)
      writer.close()
      sealing.mutex!.close()
    })

    test("the recorded key reads", async () => {
      expect((await parseSignerKey(vectors.skey)).name).toBe(vectors.origin)
    })
  },
)
