// SPDX-License-Identifier: Apache-2.0

// The way of one event as a line of time: who published it, every attempt to deliver it with what was sent and what came back, what it became,
// and what can be done about it. Below that, how rules and subscriptions stand to it, and why.

import { h, fill } from "../lib/dom.js";
import { get, part, post } from "../lib/api.js";
import { counted, moment } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, panel } from "./parts.js";
import { codeBlock, sameInShell } from "./code.js";
import { eventColumns, eventKey, eventPath } from "./event-list.js";
import { retryButton } from "./retry.js";
import { Table } from "./table.js";
import { attempt } from "./toast.js";

/** @typedef {import("./parts.js").Tone} Tone */
/** @typedef {{ topic: string, partition: number, offset: number }} Place */
/** @typedef {{ time: string | null, what: any, tone?: Tone, place?: string, more?: any }} Entry */

/** @param {string} text `topic/partition/offset` */
export function placeLink(text) {
    const [topic, partition, offset] = text.split("/");
    if (offset === undefined) return text;
    return h("a", { href: eventPath({ topic, partition: Number(partition), offset: Number(offset) }) }, text);
}

/** @param {Place} place */
const placeText = (place) => `${place.topic}/${place.partition}/${place.offset}`;

/** @param {string} name */
export const subscriptionLink = (name) => h("a", { href: `/ui/subscriptions/${encodeURIComponent(name)}` }, name);

/** How long something took. @param {number | null} microseconds */
export const took = (microseconds) =>
    microseconds === null ? "–" : microseconds < 10_000 ? `${(microseconds / 1000).toFixed(1)} ms` : `${Math.round(microseconds / 1000)} ms`;

/** @param {string} outcome @returns {Tone} */
export const outcomeTone = (outcome) => (outcome === "delivered" ? "good" : outcome === "released" ? "warn" : "bad");

/** What was sent and what came back. @param {any} one an attempt @param {boolean} [open] whether it is shown at once */
export function exchange(one, open = false) {
    if (!one.request) return null;
    const head = (/** @type {any} */ message) => message.headers.map((/** @type {any} */ field) => `${field.name}: ${field.value}`).join("\n");
    const { broker } = one.request;
    const place = broker ? `connection: ${broker.connection}\ntopic: ${broker.topic}\n` : "";
    const cut = one.request.bytes > new TextEncoder().encode(one.request.body).length;
    return h("details.exchange", { open }, h("summary", {}, "Request and response"),
        h("div.stack", {},
            codeBlock(`${one.request.method} ${one.request.url}\n${place}${head(one.request)}\n\n${one.request.body}`),
            cut && h("p.small.faint", {}, `The body has ${counted(one.request.bytes, "byte")}; this is its beginning.`),
            one.response
                ? codeBlock(`${one.response.status ?? one.response.error ?? "accepted"}\n${head(one.response)}\n\n${one.response.body}`)
                : h("p.soft", {}, "There was no answer.")));
}

/**
 * @param {any} step @param {string} place where the event lies that the step is about @param {string} own the event that the page is about
 * @returns {Entry}
 */
function entry(step, place, own) {
    const base = { time: step.time, place: place === own ? undefined : place };
    switch (step.kind) {
    case "published":
        return { ...base, tone: "info", what: [`Published over ${step.protocol}`, step.client && ` by ${step.client}`,
            step.address && ` at ${step.address}`, step.events > 1 && `, one of ${step.events} together`] };
    case "warned": return { ...base, tone: "warn", what: `Its schema does not accept it: ${step.reason}` };
    case "attempt":
        return {
            ...base, tone: outcomeTone(step.outcome),
            what: [`Attempt ${step.attempt} of ${step.max_attempts} by `, subscriptionLink(step.subscription), ": ",
                h("strong", {}, step.outcome), step.status !== null && ` ${step.status}`,
                step.microseconds !== null && ` in ${took(step.microseconds)}`],
            more: [step.reason && h("p.small.soft", {}, step.reason),
                step.next && h("p.small.faint", {}, `Next attempt ${moment(step.next)}`), exchange(step)],
        };
    case "dead letter":
        return { ...base, tone: "bad", what: ["Given up by ", subscriptionLink(step.subscription), ": now ", placeLink(step.letter)],
            more: h("p.small.soft", {}, step.reason) };
    case "redriven":
        return { ...base, tone: "info", what: ["Dead letter sent back", step.edited && ", edited", step.to && [", now ", placeLink(step.to)]] };
    case "discarded": return { ...base, what: ["Dead letter discarded", step.reason && `: ${step.reason}`] };
    default: return { ...base, what: step.kind };
    }
}

/** @param {any} journey @param {string} own @returns {Entry[]} */
function entries(journey, own) {
    const found = /** @type {Entry[]} */ ([
        ...journey.ancestors.map((/** @type {any} */ one) => ({
            time: one.time, tone: "info", place: placeText(one.place),
            what: [`Came from ${placeText(one.place)}`, one.by && `: ${one.kind} by ${one.by}`],
        })),
        { time: journey.event.time, tone: "good", what: "Arrived, and durable as its topic promises" },
        ...journey.steps.map((/** @type {any} */ step) => entry(step, own, own)),
    ]);
    for (const one of journey.descendants) {
        const place = placeText(one.place);
        const by = one.by && (one.kind === "copy" ? ` by rule ${one.by}` : ` of ${one.by}`);
        found.push({ time: one.time, tone: one.kind === "dead letter" ? "bad" : "info", place,
            what: [one.kind === "copy" ? "Copied" : one.kind === "redriven" ? "Sent back" : "Dead letter", by] });
        found.push(...one.steps.map((/** @type {any} */ step) => entry(step, place, own)));
    }
    return found.map((one, index) => ({ one, index }))
        .sort((left, right) => (left.one.time ?? "").localeCompare(right.one.time ?? "") || left.index - right.index)
        .map(({ one }) => one);
}

/** @param {any} journey @param {string} own */
const timeline = (journey, own) => h("ol.timeline", { "aria-label": "What happened, in the order of time" },
    entries(journey, own).map((one) => h("li", { data: { tone: one.tone } },
        h("div.timeline-head", {}, h("span.faint.small", {}, one.time ? moment(one.time) : "not kept any more"), h("span", {}, one.what),
            one.place && h("span.small.faint", {}, "at ", placeLink(one.place))),
        one.more)));

/** @type {Record<string, [string, Tone]>} */
const STANDINGS = {
    settled: ["done with it", "good"], ahead: ["not looked at yet", undefined], ready: ["next to be handed out", "info"],
    leased: ["handed out now", "info"], waiting: ["waits for its next attempt", "warn"], parked: ["waits for others of its key", "info"],
    closing: ["is being given up", "bad"], blocked: ["given up; its key waits", "bad"], filtered: ["its pattern does not match", undefined],
    foreign: ["the event is for somebody else", undefined], before: ["begins after it", undefined],
};

/** Conditions of a pattern. @param {any} one */
const conditions = (one) => one.leaves && h("ul.conditions", {}, one.leaves.map((/** @type {any} */ leaf) =>
    h("li", {}, badge(leaf.matched ? "holds" : "does not hold", leaf.matched ? "good" : "bad"), " ", h("code", {}, leaf.path), " expected ",
        h("code", {}, leaf.expected.map((/** @type {any} */ value) => JSON.stringify(value)).join(", ")), ", got ",
        leaf.found_count === 0 ? "nothing" : h("code", {}, leaf.found.map((/** @type {any} */ value) => JSON.stringify(value)).join(", ")))));

/** @param {any} one a rule */
const ruleItem = (one) => h("li", {}, h("a", { href: `/ui/rules/${encodeURIComponent(one.name)}` }, one.name), " ",
    badge(one.matched ? "matches" : "does not match", one.matched ? "good" : undefined),
    one.newer && badge("newer than the event", "warn", "It was made or changed after the event came: then it may have decided otherwise."),
    !one.enabled && badge("switched off"), one.matched && ` to ${one.targets.join(", ")}`, conditions(one));

/** @param {any} one a subscription @param {any} journey @param {string} own the event @param {() => void} look */
function subscriptionItem(one, journey, own, look) {
    const gaveUp = one.standing === "settled"
        && journey.steps.some((/** @type {any} */ step) => step.kind === "dead letter" && step.subscription === one.name);
    /** @type {[string, Tone]} */
    const [word, tone] = gaveUp ? ["gave it up", "bad"] : STANDINGS[one.standing] ?? [one.standing, undefined];
    return h("li", {}, subscriptionLink(one.name), " ", badge(word, tone), one.attempts !== null && ` ${counted(one.attempts, "attempt")}`,
        one.next && `, next ${moment(one.next)} `, one.standing === "waiting" && retryButton(one.name, own, look), conditions(one));
}

/** Dead letters that nobody has dealt with. @param {any} journey @returns {string[]} */
const waitingLetters = (journey) => journey.descendants
    .filter((/** @type {any} */ one) => one.kind === "dead letter"
        && !one.steps.some((/** @type {any} */ step) => ["redriven", "discarded"].includes(step.kind)))
    .map((/** @type {any} */ one) => placeText(one.place));

/**
 * The journey of an event, which follows what goes on.
 * @param {Place} place @param {import("../lib/router.js").Context} context
 */
export async function journeyPanels(place, context) {
    const own = placeText(place);
    const [line, rules, subscriptions, acts, remark] = [h("div"), h("div"), h("div"), h("span"), h("div")];
    let explains = false;
    let shown = "";
    const look = async () => {
        const journey = await get(`/v1/topics/${part(place.topic)}/journey`,
            { partition: place.partition, offset: place.offset, ...(explains ? { explain: true } : {}) }, { signal: context.signal });
        // What has not changed stays as it is: somebody may have unfolded it.
        const text = JSON.stringify(journey);
        if (text === shown) return;
        shown = text;
        fill(line, timeline(journey, own));
        fill(rules, journey.rules.length > 0
            ? h("ul.verdicts", {}, journey.rules.map(ruleItem)) : h("p.soft", {}, "No rule looks at this topic."));
        fill(subscriptions, journey.subscriptions.length > 0
            ? h("ul.verdicts", {}, journey.subscriptions.map((/** @type {any} */ one) => subscriptionItem(one, journey, own, look)))
            : h("p.soft", {}, "No subscription reads this topic."));
        fill(remark,
            !journey.noted && h("p.small.faint", {}, "This server notes no steps: who published and how attempts went is not known."),
            !journey.whole && h("p.small.faint", {}, "Not everything was looked through: steps or copies may be missing."),
            journey.schema.verdict === "violated"
                && h("p.soft", {}, badge("schema", "warn"), ` Its schema does not accept it: ${journey.schema.detail}`),
            journey.schema.verdict === "accepted" && h("p.small.faint", {}, "Its schema accepts it."));
        fill(acts, waitingLetters(journey).map((letter) =>
            button("Redrive", () => attempt(() => post("/v1/dead-letters/redrive", { ids: [letter] }), `${letter} is sent back.`).then(look),
                { compact: true, title: commandLine("dead-letter", "redrive", ["--id", letter]) })));
    };
    await context.every(2000, look);
    const why = button("Why?", () => {
        explains = true;
        look();
    }, { compact: true, title: "Show each condition of rules and subscriptions" });
    return [
        panel("Journey", { aside: acts }, line, remark, sameInShell(commandLine("trace", own))),
        h("div.columns", {}, panel("Rules", { aside: why }, rules), panel("Subscriptions", {}, subscriptions)),
    ];
}

/**
 * Causes and effects of an event: looked for when somebody wants to know, since topics have to be read for it.
 * @param {any} one the event @param {string} since when it came @param {import("../lib/router.js").Context} context
 */
export function chainPanel(one, since, context) {
    const body = h("div.stack", {}, h("p.soft", {}, "What caused it, what it caused, and what else belongs to the same chain, by ",
        h("code", {}, "causationid"), ", ", h("code", {}, "correlationid"), " and trace."));
    const look = async () => {
        const questions = /** @type {[string, Record<string, any>][]} */ ([
            ...(one.causationid ? [["Caused by", { id: one.causationid }]] : []),
            ["Caused these", { causation: one.id, since }],
            ["Same chain", { correlation: one.correlationid ?? one.id }],
            ...(one.traceparent ? [["Same trace", { text: one.traceparent.split("-")[1] }]] : []),
        ]);
        const answers = await Promise.all(questions.map(([, query]) => get("/v1/events", { limit: 50, ...query }, { signal: context.signal })));
        fill(body, questions.map(([title], index) => {
            const events = answers[index].events.filter((/** @type {any} */ found) => !title.startsWith("Same") || found.event.id !== one.id);
            const columns = eventColumns({ withTopic: true });
            const table = new Table({ label: title, key: eventKey, href: eventPath, columns, empty: () => empty("None was found.") });
            table.set(events);
            return h("section", {}, h("h3", {}, title), table.element,
                answers[index].rest && h("p.small.faint", {}, "Not everything was looked through; apus trace goes on."));
        }));
    };
    return panel("Causes and effects", { aside: button("Look for them", () => attempt(look), { compact: true }) }, body);
}
