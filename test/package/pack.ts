/**
 * Packs the package once a run, as `npm publish` would, and unpacks it for the fixtures.
 * @module
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { ROOT, SCRATCH, TARBALL, UNPACKED } from "./fixture.ts"

export default function pack(): void {
  if (!isBuilt()) run("npm", ["run", "--silent", "build"], ROOT)
  rmSync(SCRATCH, { recursive: true, force: true })
  mkdirSync(UNPACKED, { recursive: true })
  run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", SCRATCH], ROOT)
  const packed = readdirSync(SCRATCH).find((name) => name.endsWith(".tgz"))
  if (packed === undefined) throw new Error("npm pack made no tarball")
  renameSync(join(SCRATCH, packed), TARBALL)
  run("tar", ["-xzf", TARBALL, "--strip-components=1", "-C", UNPACKED], ROOT)
}

/** Whether dist is there and newer than every source. */
function isBuilt(): boolean {
  const built = join(ROOT, "dist/audit.js")
  if (!existsSync(built)) return false
  const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  const newest = Math.max(...sources.map((name) => statSync(join(ROOT, "src", name)).mtimeMs))
  return statSync(built).mtimeMs > newest
}

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] })
}
