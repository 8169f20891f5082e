/**
 * Spans of the SpamAssassin mails that could be taken for secrets, and a sample of them that a seed decides. The nets
 * are wider than any detector: what stands behind a word that names secrets, what looks as random as a token does, what
 * stands before the @ of a URL, and values of headers.
 * @module
 */
import { createHash } from "node:crypto"

/** A mail of the data set. */
export interface Mail {
  readonly id: string
  readonly group: string
  readonly text: string
}

/** Where in which mail, and which net caught it. */
export interface Span {
  readonly mail: string
  readonly net: string
  readonly start: number
  readonly end: number
}

export const SAMPLE_SIZE = 200
const SEED = 20_260_101

/** The last group is the span. */
const NETS: readonly (readonly [net: string, pattern: RegExp])[] = [
  [
    "named",
    /((?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api.?key|key|cookie|auth(?:orization|entication)?|credentials?|login|bearer|basic|sid|dsn)["']?[ \t]{0,3}(?:[:=]|is|was)[ \t]{0,3}["']?)([^\s"'<>]{3,80})/gi,
  ],
  ["random", /((?<![\w+/=.-]))(?=[\w+/=.-]{0,60}\d)(?=[\w+/=.-]{0,60}[A-Za-z])([\w+/=-]{20,120})(?![\w+/=.-])/g],
  ["url", /(:\/\/|[?&][\w.-]{1,30}=)([^\s"'<>&/@]{6,120})(?=[@&"'\s>])/g],
  ["header", /(^(?:X-[\w-]{1,40}|[\w-]{0,20}(?:Auth|Key|Token|Id)[\w-]{0,20}):[ \t]{1,4})([^\s][^\n]{2,120})/gim],
]

/** Every span of a mail that a net catches. */
export function spansOf(mail: Mail, net: string, pattern: RegExp): readonly Span[] {
  return [...mail.text.matchAll(pattern)].map((match) => {
    const end = match.index + match[0].length
    return { mail: `${mail.group}/${mail.id}`, net, start: end - match[2]!.length, end }
  })
}

/** The same number of each net, spread over all mails, at most one a net and mail. */
export function sampleOf(mails: readonly Mail[]): readonly Span[] {
  return NETS.flatMap(([net, pattern]) => {
    const ranked = mails
      .map((mail) => ({
        mail,
        rank: createHash("sha256").update(`${SEED}/${net}/${mail.group}/${mail.id}`).digest("hex"),
      }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    const spans: Span[] = []
    for (const { mail, rank } of ranked) {
      const caught = spansOf(mail, net, pattern)
      const span = caught[Number.parseInt(rank.slice(0, 8), 16) % Math.max(1, caught.length)]
      if (span !== undefined) spans.push(span)
      if (spans.length === SAMPLE_SIZE / NETS.length) break
    }
    return spans
  })
}

/** The digest of a span's text, which says whether the mails are the ones that were read. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16)
}

/** Where a text was redacted, by what is left of it between the markers. */
export function redactedSpans(
  text: string,
  redacted: string,
): readonly { readonly start: number; readonly end: number }[] {
  const pieces = redacted.split(/\[redacted:[a-z_]+\]/)
  let end = pieces[0]!.length
  return pieces.slice(1).map((piece, n) => {
    const start = end
    const next = n === pieces.length - 2 ? text.length - piece.length : text.indexOf(piece, start + 1)
    end = next + piece.length
    return { start, end: next }
  })
}
