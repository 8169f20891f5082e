/**
 * Packs the package once a run, as `npm publish` would, and unpacks it for the fixtures.
 * @module
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { ROOT, SCRATCH, TARBALL, UNPACKED } from "./fixture.ts"

export default function pack(): void {
  if (!existsSync(join(ROOT, "dist"))) throw new Error("nothing is built yet: npm run build")
  rmSync(SCRATCH, { recursive: true, force: true })
  mkdirSync(UNPACKED, { recursive: true })
  run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", SCRATCH], ROOT)
  const packed = readdirSync(SCRATCH).find((name) => name.endsWith(".tgz"))
  if (packed === undefined) throw new Error("npm pack made no tarball")
  renameSync(join(SCRATCH, packed), TARBALL)
  run("tar", ["-xzf", TARBALL, "--strip-components=1", "-C", UNPACKED], ROOT)
}

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] })
}
