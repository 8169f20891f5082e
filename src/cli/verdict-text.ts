/**
 * What a verification found, for people: the verdict first, and always what it does not prove. Pure.
 * @module
 */
import type { Finding, KeySource, Verdict, VerificationReport } from "../audit.ts"
import { escapeText } from "./escape.ts"
import type { Output, Style } from "./output.ts"
import type { BundleReport } from "./verify-bundle.ts"

const MEANING: Readonly<Record<Verdict, string>> = {
  unsealed_tail: "everything sealed is as it was signed; the newest records are not sealed yet",
  torn_tail: "everything sealed is as it was signed; a journal ends in a write that never finished",
  gap: "recorded entries are missing, and nothing explains why",
  truncated: "entries that were there before are gone",
  rewritten: "this is not the history that was seen before",
  corrupt: "the bytes do not agree with the signed tree",
  wrong_key: "this is not signed by the key it should be signed by",
  unverifiable: "nothing here can be trusted without a key known from elsewhere",
  intact: "everything is as it was signed",
  payload_damaged: "a value kept outside the tree is missing or is not the one committed to",
}

const SOURCES: Readonly<Record<KeySource, string>> = {
  argument: "given with --public-key",
  own: "this user's own signing key",
  pinned: "pinned by an earlier verification",
  first_use: "the log directory's own, pinned from now on",
  directory: "the log directory's own: not pinned, so it proves nothing about who signed",
}

/** The report as lines. */
export function verdictText(report: VerificationReport, output: Output): string {
  return reportText(report, headline(report), numbersOf(report), output)
}

/** The report on an evidence bundle as lines. */
export function bundleText(report: BundleReport, output: Output): string {
  const { bundle, origin, treeSize, rootHash, entries, firstIndex, lastIndex, publicKey, keySource } = report
  const facts: (readonly [string, string])[] = [["bundle", bundle]]
  if (origin !== undefined) {
    const places = entries === 1 ? `at index ${firstIndex}` : `between index ${firstIndex} and ${lastIndex}`
    facts.push(["origin", origin], ["entries", `${entries} of ${treeSize}, ${places}`], ["root", `${rootHash}`])
  }
  if (publicKey !== undefined) facts.push(["key", publicKey])
  if (keySource !== undefined) facts.push(["key from", keySource === "directory" ? BUNDLE_KEY : SOURCES[keySource]])
  return reportText(report, bundleHeadline(report), facts, output)
}

const BUNDLE_KEY = "the bundle's own: not pinned, so it proves nothing about who signed"

function bundleHeadline({ verdict, entries, findings }: BundleReport): string {
  if (findings.some(({ code }) => code === "no_bundle")) return "there is no bundle here"
  if (verdict === "intact")
    return entries === 1 ? "its one entry is in the signed log" : `its ${entries} entries are in the signed log`
  return verdict === "corrupt" ? "this is not a bundle as it was made: it shows nothing" : MEANING[verdict]
}

function reportText(
  report: Pick<VerificationReport, "verdict" | "findings" | "notProven">,
  headline: string,
  facts: readonly (readonly [string, string])[],
  output: Output,
): string {
  const { verdict, findings, notProven } = report
  const head = `${output.styled(["bold", styleOf(verdict)].flat() as Style, verdict)}: ${headline}`
  const numbers = facts.map(([name, text]) => `  ${output.styled("dim", name.padEnd(8))} ${escapeText(text)}`)
  const found =
    findings.length === 0 ? [] : ["", "Findings:", ...findings.map((finding) => findingLine(finding, output))]
  const limits = notProven.map((text) => `${output.styled("dim", "Not proven:")} ${escapeText(text)}`)
  return `${[head, ...numbers, ...found, "", ...limits].join("\n")}\n`
}

function headline(report: VerificationReport): string {
  const { verdict, findings, treeSize, entriesChecked, prunedBelow } = report
  if (findings.some(({ code }) => code === "no_log")) return "there is no log in this directory"
  if (verdict !== "intact") return MEANING[verdict]
  const redacted = report.redacted === undefined ? "" : ", but for those that were redacted"
  if (prunedBelow !== undefined)
    return `the ${entriesChecked} entries that are kept are as they were signed${redacted}; ${prunedBelow} before them were pruned`
  if (treeSize === 0) return "the log is empty, and signed as such"
  return treeSize === 1
    ? "its one entry is as it was signed"
    : `all ${treeSize} entries are as they were signed${redacted}`
}

function numbersOf(report: VerificationReport): (readonly [string, string])[] {
  const { origin, publicKey, keySource, treeSize, entriesChecked, unsealed, rootHash } = report
  const lines: (readonly [string, string])[] = [["log", report.logDir]]
  if (origin === undefined) return [...lines, ["entries", `none sealed, ${unsealed} recorded`]]
  lines.push(
    ["origin", origin],
    ["entries", `${entriesChecked} of ${treeSize} checked, ${unsealed} not sealed yet`],
    ["root", rootHash],
  )
  if (publicKey !== undefined) lines.push(["key", publicKey])
  if (keySource !== undefined) lines.push(["key from", SOURCES[keySource]])
  return lines
}

function findingLine({ code, verdict, message, index, path }: Finding, output: Output): string {
  const place = [index === undefined ? "" : `index ${index}`, path ?? ""].filter((part) => part !== "").join(", ")
  const level = output.styled(verdict === undefined ? "dim" : styleOf(verdict), verdict ?? "note")
  return `  ${level}  ${code}${place === "" ? "" : ` (${escapeText(place)})`}: ${escapeText(message)}`
}

function styleOf(verdict: Verdict): "green" | "yellow" | "red" {
  if (verdict === "intact" || verdict === "unsealed_tail") return "green"
  return verdict === "torn_tail" || verdict === "unverifiable" ? "yellow" : "red"
}
