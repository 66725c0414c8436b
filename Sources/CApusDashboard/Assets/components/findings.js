// SPDX-License-Identifier: Apache-2.0

// What the server finds wrong with itself, as boxes: the gravest first, and what many subjects have in common said once.

import { h } from "../lib/dom.js";
import { counted, number } from "../lib/format.js";
import { notice } from "./parts.js";

/** @typedef {{ severity: "error" | "warning" | "note", subject: string, finding: string, hint: string }} Finding */

/** @type {[Finding["severity"], import("./parts.js").Tone][]} the gravest first */
const SEVERITIES = [["error", "bad"], ["warning", "warn"], ["note", "info"]];

/**
 * @param {Finding[]} findings
 * @param {{ boxes?: number, named?: number }} [limits] how many boxes there are at most, and how many subjects of one box are named
 */
export function findingBoxes(findings, { boxes: most = 8, named = 5 } = {}) {
    const boxes = SEVERITIES.flatMap(([severity, tone]) => [...grouped(findings.filter((one) => one.severity === severity)).values()]
        .map((group) => ({ group, tone })));
    const rest = boxes.slice(most).flatMap(({ group }) => group);
    const counts = SEVERITIES.map(([severity]) => [severity, rest.filter((one) => one.severity === severity).length])
        .filter(([, count]) => Number(count) > 0).map(([severity, count]) => counted(Number(count), String(severity)));
    return [
        boxes.slice(0, most).map(({ group, tone }) => (group.length === 1 ? box(group[0], tone) : groupBox(group, tone, named))),
        rest.length > 0 && h("p.soft", {}, `${counted(rest.length, "further finding")} (${counts.join(", ")}): `,
            h("a", { href: "/ui/settings" }, "see all that the server finds")),
    ];
}

/**
 * Findings by their cause: what differs in figures and in the name of the subject alone is said once.
 * @param {Finding[]} findings
 */
function grouped(findings) {
    /** @type {Map<string, Finding[]>} */
    const groups = new Map();
    for (const one of findings) {
        const name = nameIn(one.subject);
        const key = name === null ? `${one.subject}\n${one.finding}` : withoutFigures(`${one.subject.split(" ")[0]}\n${one.finding}`, name);
        const group = groups.get(key);
        if (group) group.push(one);
        else groups.set(key, [one]);
    }
    return groups;
}

/** Figures with their units; what a receiver answers with is none. */
const FIGURES = /(?<!(?:HTTP|status) |[0-9.,])[0-9]+(?:[.,:T-][0-9]+)*Z?(?: ?(?:ms|min|[smhd])\b)?/g;

/** @param {string} text @param {string} name @param {string} other what stands in its place */
const withName = (text, name, other) => text.replaceAll(/[\w.-]+/g, (word) => (word === name ? other : word));

/** @param {string} text @param {string} name */
const withoutFigures = (text, name) => withName(text, name, "…").replaceAll(FIGURES, "…")
    .replaceAll(/\bevent\b/g, "events").replaceAll(/\bwaits\b/g, "wait").replaceAll(/\bwas\b/g, "were");

/** The name in a subject such as `subscription billing`; null where it is about something else. @param {string} subject */
const nameIn = (subject) => /^(?:subscription|topic) (\S+)$/.exec(subject)?.[1] ?? null;

/** @param {Finding} finding @param {import("./parts.js").Tone} tone */
const box = ({ subject, finding, hint }, tone) =>
    notice(tone, [subject, ": ", finding], h("p.soft", {}, hint, " ", wayTo(subject, "Look at it")));

/** One box for what many have in common. @param {Finding[]} group @param {import("./parts.js").Tone} tone @param {number} named */
function groupBox(group, tone, named) {
    const [first] = group;
    const [kind] = first.subject.split(" ");
    const names = group.map((one) => /** @type {string} */ (nameIn(one.subject)));
    const isSame = group.every((one) => one.finding === first.finding);
    const more = names.length - named;
    const list = kind === "topic" ? "/ui/topics" : "/ui/bottlenecks";
    return notice(tone, `${counted(group.length, kind)}: ${isSame ? first.finding : withoutFigures(first.finding, names[0])}`,
        h("p.soft", {}, withName(first.hint, names[0], "NAME"), ". Look at ",
            names.slice(0, named).map((name, index) => [index > 0 && ", ", wayTo(`${kind} ${name}`, name)]),
            more > 0 && [" and ", h("a", { href: list }, `${number(more)} more`)]));
}

/** @param {string} subject such as `subscription billing` @param {string} label */
function wayTo(subject, label) {
    if (subject === "dead letters") return h("a", { href: "/ui/dead-letters" }, "Look at them");
    const name = nameIn(subject);
    return name === null ? null : h("a", { href: `/ui/${subject.split(" ")[0]}s/${encodeURIComponent(name)}` }, label);
}
