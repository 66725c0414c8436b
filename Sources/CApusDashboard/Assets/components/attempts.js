// SPDX-License-Identifier: Apache-2.0

// Attempts of one subscription that failed, the newest first, each with what was sent and what came back.

import { h, fill } from "../lib/dom.js";
import { get, part } from "../lib/api.js";
import { moment } from "../lib/format.js";
import { commandLine } from "../lib/shell-quote.js";
import { badge, button, empty, panel } from "./parts.js";
import { sameInShell } from "./code.js";
import { exchange, outcomeTone, placeLink, retryButton, took } from "./journey.js";

/** @param {any} one @param {string} name the subscription @param {() => void} look */
const item = (one, name, look) => h("li", { data: { tone: outcomeTone(one.outcome) } },
    h("div.timeline-head", {}, h("span.faint.small", {}, moment(one.time)), badge(one.outcome, outcomeTone(one.outcome)),
        one.status !== null && h("strong", {}, String(one.status)), h("span", {}, took(one.microseconds)),
        h("span.small", {}, `attempt ${one.attempt} of ${one.max_attempts} with `,
            one.place ? placeLink(`${one.place.topic}/${one.place.partition}/${one.place.offset}`) : "an event of a topic that is gone")),
    one.reason && h("p.small.soft", {}, one.reason),
    one.next && h("p.small.faint", {}, `Next attempt ${moment(one.next)} `,
        one.place && Date.parse(one.next) > Date.now() && retryButton(name, `${one.place.topic}/${one.place.partition}/${one.place.offset}`, look)),
    exchange(one));

/** @param {string} name the subscription @param {import("../lib/router.js").Context} context */
export async function attemptsPanel(name, context) {
    const list = h("ol.timeline", { "aria-label": "Attempts that failed, the newest first" });
    const more = h("div");
    const page = 20;
    let shown = "";
    let hasMore = false;
    const ask = (/** @type {number | undefined} */ before) =>
        get(`/v1/subscriptions/${part(name)}/attempts`, { failed: true, limit: page, before }, { signal: context.signal });
    const offer = (/** @type {number | null} */ next) => fill(more, next !== null && button("Older", async () => {
        hasMore = true;
        const answer = await ask(next);
        list.append(...answer.attempts.map((/** @type {any} */ one) => item(one, name, look)));
        offer(answer.next);
    }, { compact: true }));
    const look = async () => {
        // Who reads older ones is not to lose the place.
        if (hasMore) return;
        const answer = await ask(undefined);
        const text = JSON.stringify(answer);
        if (text === shown) return;
        shown = text;
        fill(list, answer.attempts.map((/** @type {any} */ one) => item(one, name, look)));
        offer(answer.attempts.length < page ? null : answer.next);
        if (answer.attempts.length === 0) fill(more, empty("No attempt has failed, as far as it is noted."));
    };
    await context.every(5000, look);
    return panel("Failed attempts", { id: "attempts" }, list, more, sameInShell(commandLine("trace", ["--subscription", name])));
}
