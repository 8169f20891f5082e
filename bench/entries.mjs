/** The entries of a sealed log, read as any foreign tool would. */
import * as fs from "node:fs"
import { join } from "node:path"
import { verifier } from "./measure.mjs"

/** Bytes of all entries in full bundles. */
export function entriesOf(logDir) {
  const size = Number(fs.readFileSync(join(logDir, "checkpoint"), "utf8").split("\n")[1])
  return verifier
    .entryBundlesFor(0, size)
    .flatMap((id) => verifier.parseBundle(fs.readFileSync(join(logDir, verifier.tilePath(id))), id.width))
}
