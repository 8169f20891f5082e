// @ts-check
/**
 * Runs the checks, or any command, on another Node: `node scripts/with-node.mjs 24 [command ...]`.
 * The binary comes from the npm package `node` into .tmp; nothing is installed in the project or the system.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const [version, ...command] = process.argv.slice(2)
if (version === undefined || !/^\d+(\.\d+){0,2}$/.test(version)) {
  console.error("usage: node scripts/with-node.mjs <version> [command ...]")
  process.exit(2)
}

const home = join(root, ".tmp", `node-${version}`)
const folder = join(home, "node_modules/node/bin")
const binary = join(folder, process.platform === "win32" ? "node.exe" : "node")
if (!existsSync(binary)) {
  mkdirSync(home, { recursive: true })
  run("npm", ["install", "--no-save", "--silent", "--prefix", home, `node@${version}`])
}
process.env.PATH = `${folder}${delimiter}${process.env.PATH}`
console.log(`Node ${spawnSync(binary, ["--version"], { encoding: "utf8" }).stdout.trim()}`)
const [program = binary, ...args] = command.length > 0 ? command : [binary, "scripts/check.mjs"]
run(program, args)

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
function run(program, args) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" })
  if (status !== 0) process.exit(status ?? 1)
}
